namespace MoKA.Native.Memory;

/// <summary>
/// Memory for one pass: slices are handed out one after another and all given back at once. A pass that outgrows the
/// block adds further blocks; at the next reset they become one block of the whole size, so a steady loop allocates
/// nothing.
/// </summary>
internal sealed unsafe class Arena : IDisposable
{
    private const long FirstBlock = 1 << 20;
    private const int Alignment = 64;
    private readonly List<AlignedBuffer> _blocks = [];
    private long _used;
    private long _full;

    /// <summary>The most bytes that any pass has held at once.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Room for <paramref name="count"/> floats on a 64-byte boundary; its content is undefined.</summary>
    public float* Allocate(int count)
    {
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

    /// <summary>Gives every slice back.</summary>
    public void Reset()
    {
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
        (_used, _full) = (0, 0);
    }
}
