namespace MoKA.Native.Llama.Tokenizers;

/// <summary>Two adjacent pieces, by id, and the piece that they join to.</summary>
internal readonly record struct Merge(int Left, int Right, int Piece);

/// <summary>The merges of a BPE, and their application to a sequence of symbols in O(n log n).</summary>
internal sealed class MergeTable
{
    private const int Absorbed = int.MinValue;

    private readonly float[] _scores;
    private readonly Dictionary<(int Left, int Right), int> _pieceOf = [];

    public MergeTable(float[] scores, IEnumerable<Merge> merges)
    {
        _scores = scores;
        foreach (Merge merge in merges)
        {
            _pieceOf[(merge.Left, merge.Right)] = merge.Piece;
        }
    }

    /// <summary>All merges, best score first.</summary>
    public IEnumerable<Merge> InOrder() => _pieceOf
        .Select(entry => new Merge(entry.Key.Left, entry.Key.Right, entry.Value))
        .OrderByDescending(merge => _scores[merge.Piece])
        .ThenBy(merge => merge.Piece)
        .ThenBy(merge => merge.Left);

    /// <summary>
    /// Merges adjacent pairs in place, best score first and leftmost among equals, until no pair has a piece.
    /// Negative symbols are characters without a piece; they take part in no merge.
    /// </summary>
    /// <returns>The front part of <paramref name="symbols"/> that holds the result.</returns>
    public Span<int> Apply(Span<int> symbols)
    {
        // A doubly linked list over positions: a merge keeps the left position and unlinks the right one. Candidates
        // stay in the queue when a neighbour changes, and are dropped when they come out and no longer hold.
        int[] next = new int[symbols.Length];
        int[] previous = new int[symbols.Length];
        PriorityQueue<Merge, Rank> queue = new(symbols.Length);
        for (int i = 0; i < symbols.Length; i++)
        {
            previous[i] = i - 1;
            next[i] = i + 1;
            Consider(i, i + 1, symbols, queue);
        }

        while (queue.TryDequeue(out Merge best, out Rank rank))
        {
            int left = rank.Position;
            int right = next[left];
            if (symbols[left] != best.Left || right == symbols.Length || symbols[right] != best.Right)
            {
                continue;
            }

            int after = next[right];
            symbols[left] = best.Piece;
            symbols[right] = Absorbed;
            next[left] = after;
            if (after < symbols.Length)
            {
                previous[after] = left;
            }

            Consider(previous[left], left, symbols, queue);
            Consider(left, after, symbols, queue);
        }

        int count = 0;
        for (int i = 0; i < symbols.Length; i = next[i])
        {
            symbols[count++] = symbols[i];
        }

        return symbols[..count];
    }

    private void Consider(int left, int right, ReadOnlySpan<int> symbols, PriorityQueue<Merge, Rank> queue)
    {
        if (left >= 0 && right < symbols.Length && _pieceOf.TryGetValue((symbols[left], symbols[right]), out int piece))
        {
            queue.Enqueue(new Merge(symbols[left], symbols[right], piece), new Rank(_scores[piece], left));
        }
    }

    private readonly record struct Rank(float Score, int Position) : IComparable<Rank>
    {
        public int CompareTo(Rank other) =>
            Score != other.Score ? other.Score.CompareTo(Score) : Position.CompareTo(other.Position);
    }
}
