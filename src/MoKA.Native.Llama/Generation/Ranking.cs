namespace MoKA.Native.Llama.Generation;

/// <summary>
/// The ids of a row of logits from the likeliest down, of equals the lower id first, each with its weight
/// e^((logit - largest) / temperature). Only as many are looked for and sorted as are asked for; buffers are kept from row to row.
/// </summary>
internal sealed class Ranking(float temperature)
{
    /// <summary>How far below the largest logit each gathering reaches, in temperatures: a peaked row is done after the first, a flat one sorts no more than it must.</summary>
    private static readonly double[] Depths = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, double.PositiveInfinity];

    private ulong[] _keys = [];
    private double[] _weights = [];
    private double _largest;
    private int _depth;

    /// <summary>How many ids are ranked so far.</summary>
    public int Count { get; private set; }

    /// <summary>The id of a rank below <see cref="Count"/>.</summary>
    public int Id(int rank) => (int)(uint)_keys[rank];

    /// <summary>Begins a row of which any number of ids may be asked for.</summary>
    public void Begin(float largest)
    {
        (Count, _depth, _largest) = (0, 0, largest);
    }

    /// <summary>The weight of a rank; false when the row has fewer ids.</summary>
    public bool TryWeight(ReadOnlySpan<float> logits, int rank, out double weight)
    {
        while (rank >= Count && _depth < Depths.Length) Gather(logits);
        weight = rank < Count ? _weights[rank] : 0;
        return rank < Count;
    }

    /// <summary>Ranks the k first ids of a row and no others.</summary>
    public void BeginWithFirst(ReadOnlySpan<float> logits, float largest, int k)
    {
        (Count, _depth, _largest) = (0, Depths.Length, largest);
        k = Math.Min(k, logits.Length);
        int room = (int)Math.Min(Math.Max(2L * k, 256), logits.Length);
        Reserve(room);
        // Ids come in rising order, so one that only equals the kth so far ranks behind it.
        float least = float.NegativeInfinity;
        for (int id = 0; id < logits.Length; id++)
        {
            if (!(logits[id] > least)) continue;
            if (Count == room)
            {
                Shorten(k);
                least = logits[Id(k - 1)];
                if (!(logits[id] > least)) continue;
            }
            _keys[Count++] = Key(logits[id], id);
        }
        Shorten(k);
        Weigh(logits, 0);
    }

    private void Shorten(int k)
    {
        _keys.AsSpan(0, Count).Sort();
        Count = Math.Min(Count, k);
    }

    /// <summary>Ranks the ids between the depth reached so far and the next.</summary>
    private void Gather(ReadOnlySpan<float> logits)
    {
        Reserve(logits.Length);
        float below = _depth == 0 ? float.PositiveInfinity : Floor(_depth - 1), floor = Floor(_depth++);
        int first = Count;
        for (int id = 0; id < logits.Length; id++)
            if (logits[id] >= floor && logits[id] < below) _keys[Count++] = Key(logits[id], id);
        _keys.AsSpan(first..Count).Sort();
        Weigh(logits, first);
    }

    private float Floor(int depth) => (float)(_largest - Depths[depth] * temperature);

    private void Weigh(ReadOnlySpan<float> logits, int first)
    {
        for (int rank = first; rank < Count; rank++) _weights[rank] = Math.Exp((logits[Id(rank)] - _largest) / temperature);
    }

    private void Reserve(int count)
    {
        if (_keys.Length < count) (_keys, _weights) = (new ulong[count], new double[count]);
    }

    /// <summary>A number that is smaller for a larger logit, and for a lower id of equal ones; adding 0 makes the zeros one.</summary>
    private static ulong Key(float logit, int id)
    {
        uint bits = BitConverter.SingleToUInt32Bits(logit + 0f);
        uint rising = bits >> 31 == 0 ? bits | 0x8000_0000 : ~bits;
        return (ulong)~rising << 32 | (uint)id;
    }
}
