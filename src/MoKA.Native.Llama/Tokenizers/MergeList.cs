using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>Reads a file's list of merges, best first.</summary>
/// <param name="ids">The ids of all pieces.</param>
internal sealed class MergeList(Dictionary<string, int> ids)
{
    private readonly List<Merge> _merges = [];

    /// <summary>Adds a merge written as "a b".</summary>
    public void Add(string merge)
    {
        int space = merge.IndexOf(' ');
        Add(merge.AsSpan(0, Math.Max(space, 0)), merge.AsSpan(space + 1));
    }

    /// <summary>Adds a merge of two pieces.</summary>
    /// <exception cref="MokaException">They do not join to a piece.</exception>
    public void Add(ReadOnlySpan<char> left, ReadOnlySpan<char> right)
    {
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        Span<char> joined = stackalloc char[Vocabulary.MaxPieceLength];
        bool fits = !left.IsEmpty && !right.IsEmpty && left.Length + right.Length <= joined.Length && left.TryCopyTo(joined) && right.TryCopyTo(joined[left.Length..]);
        if (!fits || !lookup.TryGetValue(left, out int leftId) || !lookup.TryGetValue(right, out int rightId) ||
            !lookup.TryGetValue(joined[..(left.Length + right.Length)], out int piece))
        {
            throw new MokaException(
                $"merge {_merges.Count} must join two pieces to a third of the vocabulary, as \"a b\" or [\"a\", \"b\"], got {Quoted.Name(left.ToString())} and {Quoted.Name(right.ToString())}; fetch the file again.");
        }
        _merges.Add(new Merge(leftId, rightId, piece, _merges.Count));
    }

    /// <summary>
    /// The merges with their ranks. Where the merges of each piece stand together, as in every file made from scores or
    /// from ranks of pieces, those of one piece are equals, so that of two ways to the same piece the leftmost is gone.
    /// </summary>
    public List<Merge> Ranked()
    {
        HashSet<int> seen = [];
        List<Merge> grouped = new(_merges.Count);
        foreach (Merge merge in _merges)
        {
            if ((grouped.Count == 0 || grouped[^1].Piece != merge.Piece) && !seen.Add(merge.Piece)) return _merges;
            grouped.Add(merge with { Rank = seen.Count });
        }
        return grouped;
    }
}
