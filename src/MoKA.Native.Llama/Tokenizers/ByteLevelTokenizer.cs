using System.Text;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>
/// Byte-level BPE as GPT-2 and LLaMA-3 do it: the text is cut into words, each word's UTF-8 bytes are symbols, and the
/// adjacent pair whose merge is listed first is joined until none is left. Every text comes back.
/// </summary>
/// <remarks>Source: Radford et al., "Language models are unsupervised multitask learners", 2019.</remarks>
public sealed class ByteLevelTokenizer : Tokenizer
{
    private readonly PieceTable _pieces;
    private readonly int[] _byteIds = new int[256];
    private readonly bool[] _whole;

    internal ByteLevelTokenizer(ByteLevelParts parts)
        : base(new Vocabulary(parts.Pieces, CheckedTypes(parts), Spell), parts.BosId, parts.EosId, Enumerable.Range(0, parts.Pieces.Count).Where(id => parts.Types[id] == PieceType.UserDefined))
    {
        (Pattern, TakesWholeWords) = (parts.Pattern, parts.TakesWholeWords);
        int[] normal = [.. Vocabulary.Of(PieceType.Normal)];
        _pieces = new PieceTable(Vocabulary, normal);
        for (int value = 0; value < 256; value++)
        {
            _byteIds[value] = _pieces.Find([(byte)value]);
            if (_byteIds[value] < 0) throw new MokaException($"Tokenizer: every byte must be a piece, byte {value} is not; fetch the file again.");
        }
        Merges = new MergeTable(Vocabulary.Checked(parts.Merges ?? AllSplits(normal)));
        _whole = new bool[VocabularySize];
        foreach (int id in normal) _whole[id] = TakesWholeWords || MergesToItself(id);
    }

    internal MergeTable Merges { get; }

    internal SplitPattern Pattern { get; }

    /// <summary>Whether a word that is a piece is taken as it is, though its bytes may not merge to it (ignore_merges).</summary>
    internal bool TakesWholeWords { get; }

    internal override bool DropsFirstSpace => false;

    /// <summary>Makes a tokenizer from the arrays of a file.</summary>
    /// <param name="pieces">[vocabulary] pieces by id, bytes displayed as characters ("Ġ" for a space); those of types other than 1 are plain text.</param>
    /// <param name="types">[vocabulary] 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused.</param>
    /// <param name="merges">The merges as "a b", best first.</param>
    /// <param name="pattern">How words are cut: "llama-bpe" (which also takes whole words that are pieces), "gpt-2" or "smollm".</param>
    /// <param name="bos">The id that begins a sequence, if any.</param>
    /// <param name="eos">The id that ends a sequence, if any.</param>
    /// <exception cref="MokaException">The arrays are not such a vocabulary, or the pattern has another name.</exception>
    public static ByteLevelTokenizer Create(IReadOnlyList<string> pieces, IReadOnlyList<int> types, IReadOnlyList<string> merges, string pattern, int? bos, int? eos)
    {
        Dictionary<string, int> ids = new(pieces.Count, StringComparer.Ordinal);
        for (int id = 0; id < pieces.Count; id++) ids.TryAdd(pieces[id], id);
        MergeList list = new(ids);
        foreach (string merge in merges) list.Add(merge);
        SplitPattern split = SplitPatterns.ByName(pattern);
        return new ByteLevelTokenizer(new ByteLevelParts
        {
            Pieces = pieces,
            Types = [.. types.Select(type => (PieceType)type)],
            Merges = list.Ranked(),
            Pattern = split,
            TakesWholeWords = split == SplitPattern.Llama3,
            BosId = bos,
            EosId = eos,
        });
    }

    private protected override void EncodePlain(ReadOnlySpan<char> text, bool first, List<int> ids, ref BpeScratch scratch)
    {
        PreTokens words = new(text, Pattern);
        while (words.MoveNext()) EncodeWord(words.Current, ids, ref scratch);
    }

    // Apart from the loop, so that the compiler's second tier reaches it inside one long text.
    private void EncodeWord(ReadOnlySpan<char> word, List<int> ids, ref BpeScratch scratch)
    {
        Span<byte> bytes = scratch.Bytes(checked(3 * word.Length));
        bytes = bytes[..Encoding.UTF8.GetBytes(word, bytes)];
        int id = _pieces.Find(bytes);
        if (id >= 0 && _whole[id]) ids.Add(id);
        else ids.AddRange(Merged(bytes, ref scratch));
    }

    private Span<int> Merged(ReadOnlySpan<byte> bytes, ref BpeScratch scratch)
    {
        Span<int> symbols = scratch.Symbols(bytes.Length);
        for (int i = 0; i < bytes.Length; i++) symbols[i] = _byteIds[bytes[i]];
        return Merges.Apply(symbols, ref scratch);
    }

    private bool MergesToItself(int id)
    {
        BpeScratch scratch = default;
        bool itself = Merged(Bytes(id), ref scratch) is [int merged] && merged == id;
        scratch.Dispose();
        return itself;
    }

    // In a vocabulary of ranks every split of a piece is a merge, and the piece's id is its rank.
    private List<Merge> AllSplits(int[] ids)
    {
        List<Merge> merges = new(2 * ids.Length);
        foreach (int id in ids)
        {
            ReadOnlySpan<byte> bytes = Bytes(id);
            for (int cut = 1; cut < bytes.Length; cut++)
            {
                int left = _pieces.Find(bytes[..cut]), right = left < 0 ? -1 : _pieces.Find(bytes[cut..]);
                if (right >= 0) merges.Add(new Merge(left, right, id, id));
            }
        }
        return merges;
    }

    private static int Spell(string piece, PieceType type, Span<byte> bytes) => type == PieceType.Normal ? ByteDisplay.Bytes(piece, bytes) : Encoding.UTF8.GetBytes(piece, bytes);

    private static PieceType[] CheckedTypes(ByteLevelParts parts)
    {
        if (parts.Types.Length != parts.Pieces.Count) throw new MokaException($"Tokenizer: needs a type for each piece, got {parts.Pieces.Count} pieces and {parts.Types.Length} types; fetch the file again.");
        PieceType[] types = [.. parts.Types];
        foreach (int? id in (int?[])[parts.BosId, parts.EosId])
        {
            if (id is { } control && (uint)control < (uint)types.Length) types[control] = PieceType.Control;
        }
        return types;
    }
}
