using System.Runtime.InteropServices;

namespace MoKA.Native.Memory;

/// <summary>
/// Zeroed native memory on a 64-byte boundary (one cache line, one AVX-512 register). It lies outside the managed heap,
/// so weights and activations are never moved, scanned or collected. Large blocks take real memory only where they are
/// touched.
/// </summary>
internal sealed unsafe class AlignedBuffer : IDisposable
{
    private const nuint Alignment = 64;
    private void* _allocation;

    public AlignedBuffer(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ByteLength = bytes;
        _allocation = NativeMemory.AllocZeroed((nuint)bytes + Alignment);
        Start = (void*)(((nuint)_allocation + Alignment - 1) & ~(Alignment - 1));
        GC.AddMemoryPressure(Math.Max(bytes, 1));
    }

    ~AlignedBuffer() => Free();

    public long ByteLength { get; }

    public void* Start { get; private set; }

    public Span<T> Span<T>(int count) where T : unmanaged
    {
        if ((long)count * sizeof(T) > ByteLength) throw new ArgumentOutOfRangeException(nameof(count), $"AlignedBuffer: {count} elements of {sizeof(T)} bytes do not fit in {ByteLength} bytes.");
        return new Span<T>(Start, count);
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_allocation == null) return;
        NativeMemory.Free(_allocation);
        _allocation = null;
        Start = null;
        GC.RemoveMemoryPressure(Math.Max(ByteLength, 1));
    }
}
