using System.Text;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>
/// BPE as SentencePiece does it for LLaMA-1 and LLaMA-2 (model type BPE, identity normaliser). Spaces become "▁", a dummy
/// "▁" leads the text, the adjacent pair whose joined piece has the best score is merged until none is left (leftmost on
/// equal scores), and a character without a piece is spelt in byte pieces, or is the unknown id where there are none.
/// </summary>
/// <remarks>Source: Kudo and Richardson, "SentencePiece", 2018.</remarks>
public sealed class SentencePieceTokenizer : Tokenizer
{
    internal const char Space = '▁';

    // Runes below this are looked up in an array: Latin, Greek and Cyrillic.
    private const int Low = 0x530;

    private readonly float[] _scores;
    private readonly int[]? _byteIds;
    private readonly int _unknown;
    private readonly bool _fuseUnknown, _wordsAreApart;
    private readonly int[] _low = new int[Low];
    private readonly Dictionary<int, int> _high = [];
    private readonly List<int> _pieceless = [];
    private readonly TokenMatcher _userDefined;
    private readonly Dictionary<int, (int Left, int Right)> _halves = [];

    internal SentencePieceTokenizer(SentencePieceParts parts)
        : base(new Vocabulary(parts.Pieces, CheckedTypes(parts), Spell), parts.BosId, parts.EosId, parts.UserDefinedCuts ? UserDefined(parts) : [])
    {
        if (!parts.Scores.All(float.IsFinite)) throw new MokaException("Tokenizer: scores must be finite; fetch the file again.");
        _scores = [.. parts.Scores];
        (Prefix, _fuseUnknown) = (parts.Prefix, parts.FuseUnknown);
        _byteIds = BytePieces();
        _unknown = Vocabulary.Of(PieceType.Unknown).FirstOrDefault(-1);
        if (_byteIds is null && _unknown < 0) throw new MokaException("Tokenizer: characters without a piece need byte pieces or an unknown piece, there is neither; fetch the file again.");
        _userDefined = new TokenMatcher(parts.UserDefinedCuts ? [] : UserDefined(parts).Select(id => KeyValuePair.Create(parts.Pieces[id].Replace(' ', Space), id)));
        IndexRunes();
        IReadOnlyCollection<Merge> merges = Vocabulary.Checked(parts.Merges ?? AllSplits());
        Merges = new MergeTable(merges);
        _wordsAreApart = !merges.Any(merge => HasSpaceAfterOther(Vocabulary[merge.Piece]));
        foreach (int id in Vocabulary.Of(PieceType.Unused)) FindHalves(id);
    }

    /// <summary>Where "▁" is put before text.</summary>
    public DummyPrefix Prefix { get; }

    /// <summary>Whether characters without a piece are spelt in bytes, so that any text comes back.</summary>
    public bool HasByteFallback => _byteIds is not null;

    /// <summary>The id that stands for unknown text, if there is one. With byte fallback encoding never makes it.</summary>
    public int? UnknownId => _unknown < 0 ? null : _unknown;

    internal MergeTable Merges { get; }

    internal bool FusesUnknown => _fuseUnknown;

    internal override bool DropsFirstSpace => Prefix != DummyPrefix.None;

    /// <summary>Makes a tokenizer from the arrays of a file, in which every split of a piece into two pieces is a merge, as SentencePiece does.</summary>
    /// <param name="pieces">[vocabulary] pieces by id, with "▁" for a space.</param>
    /// <param name="scores">[vocabulary] scores; pairs with a higher score merge first.</param>
    /// <param name="types">[vocabulary] 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. Bytes are all 256 or none.</param>
    /// <param name="bos">The id that begins a sequence, if any.</param>
    /// <param name="eos">The id that ends a sequence, if any.</param>
    /// <param name="unk">The id of unknown text, if any.</param>
    /// <param name="addDummyPrefix">Whether "▁" is put before text: <see cref="DummyPrefix.Always"/>.</param>
    /// <exception cref="MokaException">The arrays are not such a vocabulary.</exception>
    public static SentencePieceTokenizer Create(
        IReadOnlyList<string> pieces, IReadOnlyList<float> scores, IReadOnlyList<int> types, int? bos, int? eos, int? unk, bool addDummyPrefix = true)
    {
        PieceType[] all = [.. types.Select(type => (PieceType)type)];
        if (unk is { } id && (uint)id < (uint)all.Length) all[id] = PieceType.Unknown;
        return new SentencePieceTokenizer(new SentencePieceParts
        {
            Pieces = pieces,
            Scores = scores,
            Types = all,
            BosId = bos,
            EosId = eos,
            Prefix = addDummyPrefix ? DummyPrefix.Always : DummyPrefix.None,
        });
    }

    /// <summary>The score of an id.</summary>
    /// <exception cref="MokaException">The id is not in the vocabulary.</exception>
    public float Score(int id)
    {
        Piece(id);
        return _scores[id];
    }

    /// <summary>The text as symbols are cut from it: "▁" for each space, and one in front if asked.</summary>
    internal static string Escape(ReadOnlySpan<char> text, bool prefix) => text.IsEmpty ? "" : $"{(prefix ? "▁" : "")}{text}".Replace(' ', Space);

    private protected override void EncodePlain(ReadOnlySpan<char> text, bool first, List<int> ids, ref BpeScratch scratch)
    {
        if (text.IsEmpty) return;
        bool prefix = Prefix switch
        {
            DummyPrefix.None => false,
            DummyPrefix.Always => true,
            DummyPrefix.UnlessSpaced => text[0] is not (' ' or Space),
            _ => first && text[0] is not (' ' or Space),
        };
        Span<char> escaped = scratch.Chars(text.Length + 1)[(prefix ? 0 : 1)..];
        escaped[0] = Space;
        text.Replace(escaped[^text.Length..], ' ', Space);
        ReadOnlySpan<char> rest = escaped;
        int start = ids.Count;
        while (_userDefined.Find(rest, out int at, out int length, out int id))
        {
            Merge(rest[..at], ids, start, ref scratch);
            ids.Add(id);
            rest = rest[(at + length)..];
        }
        Merge(rest, ids, start, ref scratch);
    }

    // Where no piece holds "▁" after something else, what precedes such a "▁" merges by itself, and short words merge faster.
    private void Merge(ReadOnlySpan<char> text, List<int> ids, int start, ref BpeScratch scratch)
    {
        while (!text.IsEmpty)
        {
            int length = _wordsAreApart ? LengthOfWord(text) : text.Length;
            MergeWord(text[..length], ids, start, ref scratch);
            text = text[length..];
        }
    }

    private void MergeWord(ReadOnlySpan<char> word, List<int> ids, int start, ref BpeScratch scratch)
    {
        Span<int> symbols = scratch.Symbols(word.Length);
        int count = 0;
        for (int at = 0; at < word.Length;)
        {
            Rune.DecodeFromUtf16(word[at..], out Rune rune, out int length);
            symbols[count++] = Symbol(rune.Value);
            at += length;
        }
        foreach (int symbol in Merges.Apply(symbols[..count], ref scratch)) Emit(symbol, ids, start);
    }

    private static int LengthOfWord(ReadOnlySpan<char> text)
    {
        int first = text.IndexOfAnyExcept(Space);
        int next = first < 0 ? -1 : text[first..].IndexOf(Space);
        return next < 0 ? text.Length : first + next;
    }

    private void Emit(int symbol, List<int> ids, int start)
    {
        if (_halves.Count > 0 && _halves.TryGetValue(symbol, out (int Left, int Right) halves))
        {
            Emit(halves.Left, ids, start);
            Emit(halves.Right, ids, start);
        }
        else if ((uint)symbol < (uint)VocabularySize)
        {
            ids.Add(symbol);
        }
        else if (_byteIds is not null)
        {
            Span<byte> bytes = stackalloc byte[4];
            foreach (byte value in bytes[..new Rune(RuneOf(symbol)).EncodeToUtf8(bytes)]) ids.Add(_byteIds[value]);
        }
        else if (!_fuseUnknown || ids.Count == start || ids[^1] != _unknown)
        {
            ids.Add(_unknown);
        }
    }

    // A symbol is the id of a piece, or beyond the vocabulary for a character that has no piece but is a part of one, or
    // the complement of a character that takes part in no merge.
    private int Symbol(int rune) => rune < Low ? _low[rune] : _high.TryGetValue(rune, out int symbol) ? symbol : ~rune;

    private int RuneOf(int symbol) => symbol < 0 ? ~symbol : _pieceless[symbol - VocabularySize];

    private void IndexRunes()
    {
        for (int rune = 0; rune < Low; rune++) _low[rune] = ~rune;
        foreach (int id in Vocabulary.Of(PieceType.Normal, PieceType.Unused, PieceType.UserDefined))
        {
            if (IsOneRune(Vocabulary[id], out Rune rune)) Index(rune.Value, id);
        }
    }

    private void Index(int rune, int symbol)
    {
        if (rune < Low) _low[rune] = symbol;
        else _high[rune] = symbol;
    }

    private List<Merge> AllSplits()
    {
        int[] order = [.. Vocabulary.Of(PieceType.Normal, PieceType.Unused, PieceType.UserDefined).OrderByDescending(id => _scores[id])];
        List<Merge> merges = new(2 * order.Length);
        int rank = 0;
        for (int i = 0; i < order.Length; i++)
        {
            rank += i > 0 && _scores[order[i]] != _scores[order[i - 1]] ? 1 : 0;
            string piece = Vocabulary[order[i]];
            for (int cut = 1; cut < piece.Length; cut++)
            {
                if (!char.IsLowSurrogate(piece[cut]) && Part(piece.AsSpan(0, cut)) is { } left && Part(piece.AsSpan(cut)) is { } right)
                    merges.Add(new Merge(left, right, order[i], rank));
            }
        }
        return merges;
    }

    private int? Part(ReadOnlySpan<char> part)
    {
        if (Vocabulary.Lookup.TryGetValue(part, out int id) && Vocabulary.Type(id) is PieceType.Normal or PieceType.Unused or PieceType.UserDefined) return id;
        if (!IsOneRune(part, out Rune rune)) return null;
        if (Symbol(rune.Value) < 0)
        {
            Index(rune.Value, VocabularySize + _pieceless.Count);
            _pieceless.Add(rune.Value);
        }
        return Symbol(rune.Value);
    }

    // The merges inside a piece do not depend on what is around it, so the two symbols that joined to it can be known before.
    private void FindHalves(int unused)
    {
        int[] symbols = [.. Vocabulary[unused].EnumerateRunes().Select(rune => Symbol(rune.Value))];
        Span<int> halves = Merges.Halves(symbols);
        if (halves.Length == 2 && Merges.Joins(halves[0], halves[1], unused)) _halves.Add(unused, (halves[0], halves[1]));
    }

    private int[]? BytePieces()
    {
        int[] ids = new int[256];
        int found = 0;
        for (int value = 0; value < ids.Length; value++)
        {
            if (TryGetId(Llama2Layout.BytePiece(value), out ids[value]) && Vocabulary.Type(ids[value]) == PieceType.Byte) found++;
        }
        int all = Vocabulary.Of(PieceType.Byte).Count();
        if (found != all || found is not (0 or 256)) throw new MokaException($"Tokenizer: the byte pieces must be <0x00> to <0xFF> or none, got {all}; fetch the file again.");
        return all == 0 ? null : ids;
    }

    private static int Spell(string piece, PieceType type, Span<byte> bytes)
    {
        if (type != PieceType.Byte) return Encoding.UTF8.GetBytes(piece.Replace(Space, ' '), bytes);
        if (piece.Length != 6 || !byte.TryParse(piece.AsSpan(3, 2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out bytes[0])) return -1;
        return Llama2Layout.BytePiece(bytes[0]) == piece ? 1 : -1;
    }

    private static PieceType[] CheckedTypes(SentencePieceParts parts)
    {
        int count = parts.Pieces.Count;
        if (parts.Scores.Count != count || parts.Types.Length != count)
            throw new MokaException($"Tokenizer: needs a score and a type for each piece, got {count} pieces, {parts.Scores.Count} scores and {parts.Types.Length} types; fetch the file again.");
        PieceType[] types = [.. parts.Types];
        foreach (int? id in (int?[])[parts.BosId, parts.EosId])
        {
            if (id is { } control && (uint)control < (uint)count) types[control] = PieceType.Control;
        }
        return types;
    }

    private static IEnumerable<int> UserDefined(SentencePieceParts parts) => Enumerable.Range(0, parts.Pieces.Count).Where(id => parts.Types[id] == PieceType.UserDefined);

    private static bool IsOneRune(ReadOnlySpan<char> text, out Rune rune)
    {
        Rune.DecodeFromUtf16(text, out rune, out int length);
        return length == text.Length;
    }

    private static bool HasSpaceAfterOther(string piece)
    {
        for (int i = 1; i < piece.Length; i++)
        {
            if (piece[i] == Space && piece[i - 1] != Space) return true;
        }
        return false;
    }
}
