using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>Two adjacent symbols, the piece that they join to, and when: lower ranks merge first.</summary>
internal readonly record struct Merge(int Left, int Right, int Piece, int Rank);

/// <summary>
/// The merges of a BPE, and their application to symbols: the pair of the lowest rank first and the leftmost of equals,
/// until no pair has a piece. Short words are searched for the best pair each time, long ones keep a queue: O(n log n).
/// </summary>
internal sealed class MergeTable
{
    private const int None = int.MaxValue, Absorbed = int.MinValue, Short = 40;

    // Real tables have no run of a tenth of this; a file made to collide is refused before it costs quadratic time.
    private const int LongestProbe = 2048;

    private readonly Merge[] _slots;
    private readonly int _shift;

    /// <summary>Makes the table; of a pair listed twice the later entry holds.</summary>
    public MergeTable(IReadOnlyCollection<Merge> merges)
    {
        int bits = 4;
        while (1L << bits < 2L * merges.Count) bits++;
        _shift = 64 - bits;
        _slots = new Merge[1 << bits];
        Array.Fill(_slots, new Merge(-1, -1, -1, None));
        foreach (Merge merge in merges) Add(merge);
    }

    /// <summary>All merges, lowest rank first.</summary>
    public IEnumerable<Merge> InOrder() => _slots.Where(slot => slot.Left >= 0).OrderBy(slot => slot.Rank).ThenBy(slot => slot.Piece).ThenBy(slot => slot.Left);

    /// <summary>Merges in place. Negative symbols take part in no merge.</summary>
    /// <returns>The front part of <paramref name="symbols"/> that holds the result.</returns>
    public Span<int> Apply(Span<int> symbols, ref BpeScratch scratch) =>
        symbols[..(symbols.Length <= Short ? ApplyShort(symbols, stop: 1) : ApplyLong(symbols, ref scratch))];

    /// <summary>Merges the symbols of one piece in place until two are left: the pair that joins to the piece.</summary>
    public Span<int> Halves(Span<int> symbols) => symbols[..ApplyShort(symbols, stop: 2)];

    /// <summary>Whether two symbols join to a piece.</summary>
    public bool Joins(int left, int right, int piece) => Find(left, right, out int joined) != None && joined == piece;

    private int ApplyShort(Span<int> symbols, int stop)
    {
        Span<int> ranks = stackalloc int[Math.Max(Short, symbols.Length)], pieces = stackalloc int[ranks.Length];
        int count = symbols.Length;
        for (int i = 0; i + 1 < count; i++) ranks[i] = Find(symbols[i], symbols[i + 1], out pieces[i]);
        while (count > stop)
        {
            int best = 0;
            for (int i = 1; i + 1 < count; i++)
            {
                if (ranks[i] < ranks[best]) best = i;
            }
            if (ranks[best] == None) break;
            symbols[best] = pieces[best];
            count--;
            for (int i = best + 1; i < count; i++) (symbols[i], ranks[i - 1], pieces[i - 1]) = (symbols[i + 1], ranks[i], pieces[i]);
            if (best > 0) ranks[best - 1] = Find(symbols[best - 1], symbols[best], out pieces[best - 1]);
            if (best + 1 < count) ranks[best] = Find(symbols[best], symbols[best + 1], out pieces[best]);
        }
        return count;
    }

    private int ApplyLong(Span<int> symbols, ref BpeScratch scratch)
    {
        // A doubly linked list over positions: a merge keeps the left position and unlinks the right one. A pair is queued
        // at its left position; what comes out of the queue is void unless that position still has this rank.
        int n = symbols.Length;
        Span<int> links = scratch.Links(4 * n);
        Span<int> next = links[..n], previous = links[n..(2 * n)], ranks = links[(2 * n)..(3 * n)], pieces = links[(3 * n)..];
        MergeQueue queue = new(scratch.Queue(3 * n));
        for (int i = 0; i < n; i++)
        {
            (next[i], previous[i]) = (i + 1, i - 1);
            Consider(i, i + 1, symbols, ranks, pieces, ref queue);
        }
        while (queue.TryPop(out int rank, out int left))
        {
            if (ranks[left] != rank) continue;
            int right = next[left], after = next[right];
            symbols[left] = pieces[left];
            symbols[right] = Absorbed;
            ranks[right] = None;
            next[left] = after;
            if (after < n) previous[after] = left;
            if (left > 0) Consider(previous[left], left, symbols, ranks, pieces, ref queue);
            Consider(left, after, symbols, ranks, pieces, ref queue);
        }
        int count = 0;
        for (int i = 0; i < n; i = next[i]) symbols[count++] = symbols[i];
        return count;
    }

    private void Consider(int left, int right, ReadOnlySpan<int> symbols, Span<int> ranks, Span<int> pieces, ref MergeQueue queue)
    {
        ranks[left] = right < symbols.Length ? Find(symbols[left], symbols[right], out pieces[left]) : None;
        if (ranks[left] != None) queue.Push(ranks[left], left);
    }

    // The rank of a pair, or None.
    private int Find(int left, int right, out int piece)
    {
        piece = -1;
        if ((left | right) < 0) return None;
        for (int i = Home(left, right); _slots[i].Left >= 0; i = (i + 1) & (_slots.Length - 1))
        {
            ref readonly Merge slot = ref _slots[i];
            if (slot.Left == left && slot.Right == right)
            {
                piece = slot.Piece;
                return slot.Rank;
            }
        }
        return None;
    }

    private void Add(Merge merge)
    {
        int i = Home(merge.Left, merge.Right);
        for (int probe = 0; _slots[i].Left >= 0 && (_slots[i].Left != merge.Left || _slots[i].Right != merge.Right); probe++)
        {
            if (probe == LongestProbe) throw new MokaException("Tokenizer: its merges all fall on one place of the table; it is made to waste time, fetch the file again.");
            i = (i + 1) & (_slots.Length - 1);
        }
        _slots[i] = merge;
    }

    private int Home(int left, int right) => (int)((((ulong)(uint)left << 32 | (uint)right) * 0x9E37_79B9_7F4A_7C15) >> _shift);
}
