namespace MoKA.Native.Memory;

/// <summary>
/// Memory for one pass: slices are handed out one after another and all given back at once. A slice may also be given
/// back early, to be handed out again. A pass that outgrows the block adds further blocks; at the next reset they become
/// one block of the whole size, so a steady loop allocates nothing.
/// </summary>
internal sealed unsafe class Arena : IDisposable
{
    private const long FirstBlock = 1 << 20;
    private const int Alignment = 64;
    private readonly List<AlignedBuffer> _blocks = [];
    private readonly List<Slice> _free = [];
    private long _used;
    private long _full;

    /// <summary>The most bytes that any pass has held at once.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Room for <paramref name="count"/> floats on a 64-byte boundary; its content is undefined.</summary>
    public float* Allocate(int count)
    {
        if (TakeFree(count) is var slice && slice != null) return slice;
        long bytes = ((long)count * sizeof(float) + Alignment - 1) / Alignment * Alignment;
        if (_blocks.Count == 0 || _used + bytes > _blocks[^1].ByteLength)
        {
            if (_blocks.Count > 0) _full += _used;
            _used = 0;
            long size = Math.Max(bytes, _blocks.Count == 0 ? FirstBlock : _blocks[^1].ByteLength * 2);
            _blocks.Add(new AlignedBuffer(size));
        }
        float* start = (float*)((byte*)_blocks[^1].Start + _used);
        _used += bytes;
        PeakBytes = Math.Max(PeakBytes, _full + _used);
        return start;
    }

    /// <summary>Gives one slice back before the pass ends.</summary>
    public void Return(float* start, int count) => _free.Add(new Slice((nint)start, count));

    /// <summary>The smallest free slice that is large enough, unless more than half of it would lie idle.</summary>
    private float* TakeFree(int count)
    {
        int best = -1;
        for (int i = 0; i < _free.Count; i++)
            if (_free[i].Count >= count && _free[i].Count / 2 <= count && (best < 0 || _free[i].Count < _free[best].Count)) best = i;
        if (best < 0) return null;
        nint start = _free[best].Start;
        _free[best] = _free[^1];
        _free.RemoveAt(_free.Count - 1);
        return (float*)start;
    }

    /// <summary>Gives every slice back.</summary>
    public void Reset()
    {
        _free.Clear();
        if (_blocks.Count > 1)
        {
            foreach (AlignedBuffer block in _blocks) block.Dispose();
            _blocks.Clear();
            _blocks.Add(new AlignedBuffer(PeakBytes + PeakBytes / 8));
        }
        (_used, _full) = (0, 0);
    }

    public void Dispose()
    {
        foreach (AlignedBuffer block in _blocks) block.Dispose();
        _blocks.Clear();
        _free.Clear();
        (_used, _full) = (0, 0);
    }

    private readonly record struct Slice(nint Start, int Count);
}
