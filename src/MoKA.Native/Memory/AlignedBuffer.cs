using System.Runtime.InteropServices;

namespace MoKA.Native.Memory;

/// <summary>
/// Zeroed native memory on a 64-byte boundary (one cache line, one AVX-512 register). It lies outside the managed heap,
/// so weights and activations are never moved, scanned or collected.
/// </summary>
internal sealed unsafe class AlignedBuffer : IDisposable
{
    private const nuint Alignment = 64;
    private void* _start;

    public AlignedBuffer(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ByteLength = bytes;
        nuint size = (nuint)Math.Max(bytes, 1);
        _start = NativeMemory.AlignedAlloc(size, Alignment);
        NativeMemory.Clear(_start, size);
        GC.AddMemoryPressure(Math.Max(bytes, 1));
    }

    ~AlignedBuffer() => Free();

    public long ByteLength { get; }

    public void* Start => _start;

    public Span<T> Span<T>(int count) where T : unmanaged
    {
        if ((long)count * sizeof(T) > ByteLength) throw new ArgumentOutOfRangeException(nameof(count), $"AlignedBuffer: {count} elements of {sizeof(T)} bytes do not fit in {ByteLength} bytes.");
        return new Span<T>(_start, count);
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_start == null) return;
        NativeMemory.AlignedFree(_start);
        _start = null;
        GC.RemoveMemoryPressure(Math.Max(ByteLength, 1));
    }
}
