using System.Globalization;
using System.Text;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>
/// Byte-fallback BPE as LLaMA-2 uses it (SentencePiece, model type BPE, identity normaliser). Spaces become "▁", a
/// dummy "▁" leads the text, the adjacent pair whose joined piece has the best score is merged until none is left
/// (leftmost on equal scores), and a character without a piece is spelt in UTF-8 byte pieces.
/// </summary>
/// <remarks>
/// Ids: 0 &lt;unk&gt;, 1 &lt;s&gt; (BOS), 2 &lt;/s&gt; (EOS), 3 to 258 the bytes &lt;0x00&gt; to &lt;0xFF&gt;, then pieces.
/// Immutable, so threads may share it. Source: Kudo and Richardson, "SentencePiece", 2018.
/// </remarks>
public sealed class Tokenizer
{
    /// <summary>The id of &lt;unk&gt;. Encoding never makes it: unknown characters become bytes.</summary>
    public const int UnknownId = 0;

    /// <summary>The id of &lt;s&gt;, which begins a sequence.</summary>
    public const int BosId = 1;

    /// <summary>The id of &lt;/s&gt;, which ends a sequence.</summary>
    public const int EosId = 2;

    internal const int FirstByteId = 3;
    internal const int FirstPieceId = FirstByteId + 256;
    internal const char Space = '▁';
    private const int MaxPieceLength = 1024;

    private readonly string[] _pieces;
    private readonly float[] _scores;
    private readonly byte[][] _bytes;
    private readonly Dictionary<string, int> _ids;
    private readonly int[] _controls;

    /// <summary>Makes a tokenizer in which every split of a piece into two pieces is a merge, as SentencePiece does.</summary>
    /// <param name="pieces">[vocabulary] pieces by id, with "▁" for a space; the first 259 are fixed.</param>
    /// <param name="scores">[vocabulary] scores; pairs with a higher score merge first. Those of the first 259 are not used.</param>
    /// <param name="addDummyPrefix">Whether "▁" is put before the text.</param>
    /// <exception cref="MokaException">The pieces are not such a vocabulary.</exception>
    public Tokenizer(IReadOnlyList<string> pieces, IReadOnlyList<float> scores, bool addDummyPrefix = true)
        : this(pieces, scores, addDummyPrefix, [], null)
    {
    }

    internal Tokenizer(
        IReadOnlyList<string> pieces, IReadOnlyList<float> scores, bool addDummyPrefix, IReadOnlyCollection<int> addedControls,
        IEnumerable<Merge>? merges)
    {
        _pieces = [.. pieces];
        _scores = [.. scores];
        AddDummyPrefix = addDummyPrefix;
        _controls = [UnknownId, BosId, EosId, .. addedControls];
        _ids = IndexPieces(_pieces, _scores);
        _bytes = [.. _pieces.Select((piece, id) => BytesOf(piece, id))];
        foreach (int id in _controls)
        {
            _bytes[id] = [];
        }

        Merges = new MergeTable(_scores, merges ?? AllSplits());
    }

    /// <summary>The number of pieces.</summary>
    public int VocabularySize => _pieces.Length;

    /// <summary>Whether "▁" is put before the text, so that a word at the start is spelt as one after a space.</summary>
    public bool AddDummyPrefix { get; }

    internal MergeTable Merges { get; }

    /// <summary>The special ids, which stand for no text: 0, 1, 2 and those a file adds.</summary>
    public IReadOnlyList<int> ControlIds => _controls;

    /// <summary>The piece of an id, with "▁" for a space.</summary>
    /// <exception cref="MokaException">The id is not in the vocabulary.</exception>
    public string Piece(int id) => _pieces[Checked(id)];

    /// <summary>The score of an id.</summary>
    /// <exception cref="MokaException">The id is not in the vocabulary.</exception>
    public float Score(int id) => _scores[Checked(id)];

    /// <summary>Finds the id of a piece, written with "▁" for a space.</summary>
    public bool TryGetId(string piece, out int id) => _ids.TryGetValue(piece, out id);

    /// <summary>Turns text into ids. A lone surrogate is read as U+FFFD.</summary>
    /// <param name="text">Any text. The empty text has no ids.</param>
    /// <param name="addBos">Whether <see cref="BosId"/> comes first. Nothing else ever adds it.</param>
    /// <param name="parseSpecial">
    /// Whether a special token written in the text, such as &lt;/s&gt;, becomes its id. If so, the text after it gets a
    /// dummy prefix of its own. Leave it off for text that a user gives.
    /// </param>
    public int[] Encode(string text, bool addBos = false, bool parseSpecial = false)
    {
        List<int> ids = new(text.Length / 3 + 2);
        if (addBos)
        {
            ids.Add(BosId);
        }

        int start = 0;
        while (parseSpecial && NextControl(text, start) is (int at, int id))
        {
            EncodePlain(text.AsSpan(start, at - start), ids);
            ids.Add(id);
            start = at + _pieces[id].Length;
        }

        EncodePlain(text.AsSpan(start), ids);
        return [.. ids];
    }

    /// <summary>
    /// The text of ids: the inverse of <see cref="Encode"/>, except that "▁" (U+2581) comes back as a space. Special
    /// tokens have no text; bytes that are not UTF-8 become U+FFFD.
    /// </summary>
    /// <exception cref="MokaException">An id is not in the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids)
    {
        TokenStream stream = new(this);
        StringBuilder text = new();
        foreach (int id in ids)
        {
            text.Append(stream.Append(id));
        }

        return text.Append(stream.Flush()).ToString();
    }

    /// <summary>The UTF-8 bytes that an id stands for; none for a special token.</summary>
    /// <exception cref="MokaException">The id is not in the vocabulary.</exception>
    public ReadOnlySpan<byte> Bytes(int id) => _bytes[Checked(id)];

    /// <summary>The text as symbols are cut from it: "▁" for each space, and one in front if <paramref name="addDummyPrefix"/>.</summary>
    internal static string Escape(ReadOnlySpan<char> text, bool addDummyPrefix) =>
        text.IsEmpty ? "" : (addDummyPrefix ? $"{Space}{text}" : text.ToString()).Replace(' ', Space);

    private void EncodePlain(ReadOnlySpan<char> text, List<int> ids)
    {
        string escaped = Escape(text, AddDummyPrefix);
        int[] symbols = new int[escaped.Length];
        int count = 0;
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> idOf = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
        Span<char> chars = stackalloc char[2];
        Span<byte> bytes = stackalloc byte[4];
        foreach (Rune rune in escaped.EnumerateRunes())
        {
            symbols[count++] = idOf.TryGetValue(chars[..rune.EncodeToUtf16(chars)], out int id) ? id : ~rune.Value;
        }

        foreach (int symbol in Merges.Apply(symbols.AsSpan(0, count)))
        {
            if (symbol >= 0)
            {
                ids.Add(symbol);
                continue;
            }

            int length = new Rune(~symbol).EncodeToUtf8(bytes);
            foreach (byte value in bytes[..length])
            {
                ids.Add(FirstByteId + value);
            }
        }
    }

    // The first special token at or after start; the longest where several begin at one place.
    private (int At, int Id)? NextControl(string text, int start)
    {
        (int At, int Id)? best = null;
        foreach (int id in _controls)
        {
            int at = text.IndexOf(_pieces[id], start, StringComparison.Ordinal);
            if (at >= 0 && (best is not (int bestAt, int bestId) || at < bestAt ||
                (at == bestAt && _pieces[id].Length > _pieces[bestId].Length)))
            {
                best = (at, id);
            }
        }

        return best;
    }

    private int Checked(int id) => (uint)id < (uint)_pieces.Length
        ? id
        : throw new MokaException(
            $"Tokenizer: an id must be in [0, {_pieces.Length}), got {id}; the model and the tokenizer do not belong together.");

    private IEnumerable<Merge> AllSplits()
    {
        for (int id = FirstPieceId; id < _pieces.Length; id++)
        {
            string piece = _pieces[id];
            for (int cut = 1; cut < piece.Length && !piece.Contains(' '); cut++)
            {
                if (_ids.TryGetValue(piece[..cut], out int left) && left >= FirstPieceId &&
                    _ids.TryGetValue(piece[cut..], out int right) && right >= FirstPieceId)
                {
                    yield return new Merge(left, right, id);
                }
            }
        }
    }

    private static Dictionary<string, int> IndexPieces(string[] pieces, float[] scores)
    {
        if (pieces.Length < FirstPieceId || scores.Length != pieces.Length)
        {
            throw new MokaException(
                $"Tokenizer: needs at least {FirstPieceId} pieces and a score for each, got {pieces.Length} pieces and {scores.Length} scores.");
        }

        Dictionary<string, int> ids = new(pieces.Length, StringComparer.Ordinal);
        for (int id = 0; id < pieces.Length; id++)
        {
            string piece = pieces[id];
            if (piece.Length is 0 or > MaxPieceLength || !IsWellFormed(piece) || !float.IsFinite(scores[id]))
            {
                throw new MokaException(
                    $"Tokenizer: a piece must be 1 to {MaxPieceLength} characters of Unicode with a finite score, piece {id} is not.");
            }

            if (id < FirstPieceId && piece != FixedPiece(id))
            {
                throw new MokaException(
                    $"Tokenizer: piece {id} must be {FixedPiece(id)}, got {Quoted.Name(piece)}; only LLaMA-2's layout of special and byte pieces is supported.");
            }

            if (!ids.TryAdd(piece, id))
            {
                throw new MokaException($"Tokenizer: pieces must differ, {ids[piece]} and {id} are both {Quoted.Name(piece)}.");
            }
        }

        return ids;
    }

    internal static string FixedPiece(int id) => id switch
    {
        UnknownId => "<unk>",
        BosId => "<s>",
        EosId => "</s>",
        _ => string.Create(CultureInfo.InvariantCulture, $"<0x{id - FirstByteId:X2}>"),
    };

    private static byte[] BytesOf(string piece, int id) => id is >= FirstByteId and < FirstPieceId
        ? [(byte)(id - FirstByteId)]
        : Encoding.UTF8.GetBytes(piece.Replace(Space, ' '));

    private static bool IsWellFormed(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(text, out _, out int length) != System.Buffers.OperationStatus.Done)
            {
                return false;
            }

            text = text[length..];
        }

        return true;
    }
}
