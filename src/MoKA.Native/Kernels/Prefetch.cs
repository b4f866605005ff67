using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

/// <summary>
/// Asks for memory that is read soon. A loop that does much with each line is too long for the processor to look far ahead
/// by itself, and rows side by side are more streams than it foresees; asked in order, they are one.
/// </summary>
internal static class Prefetch
{
    /// <summary>Bytes of a line.</summary>
    public const int Line = 64;

    private const int RowsAhead = 16;

    /// <summary>Into the second-level cache; bytes of native memory, which does not move.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Lines(ReadOnlySpan<byte> bytes) => Lines(ref MemoryMarshal.GetReference(bytes), bytes.Length);

    /// <summary>The first so many of the bytes that come next, of which they are then cut off; nothing where fewer are left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Next(ref ReadOnlySpan<byte> next, int ahead)
    {
        if (ahead > next.Length) return;
        Lines(next[..ahead]);
        next = next[ahead..];
    }

    /// <summary>Bytes from a place on; what lies beyond the memory is not asked for by the processor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Lines(ref byte start, int length)
    {
        if (!Sse.IsSupported) return;
        byte* at = (byte*)Unsafe.AsPointer(ref start);
        for (int i = 0; i < length; i += Line) Sse.Prefetch1(at + i);
    }

    /// <summary>A line and the one after it, without a loop.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void TwoLines(ref byte start)
    {
        if (!Sse.IsSupported) return;
        byte* at = (byte*)Unsafe.AsPointer(ref start);
        Sse.Prefetch1(at);
        Sse.Prefetch1(at + Line);
    }

    /// <summary>Four lines from a place on, without a loop.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FourLines(ref byte start) => FourRows(ref start, Line);

    /// <summary>A line of each of four rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void FourRows(ref byte start, nint stride)
    {
        if (!Sse.IsSupported) return;
        byte* at = (byte*)Unsafe.AsPointer(ref start);
        Sse.Prefetch1(at);
        Sse.Prefetch1(at + stride);
        Sse.Prefetch1(at + 2 * stride);
        Sse.Prefetch1(at + 3 * stride);
    }

    /// <summary>A line of each of eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void EightRows(ref byte start, nint stride)
    {
        FourRows(ref start, stride);
        FourRows(ref Unsafe.Add(ref start, 4 * stride), stride);
    }

    /// <summary>A line of each of sixteen.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SixteenRows(ref byte start, nint stride)
    {
        EightRows(ref start, stride);
        EightRows(ref Unsafe.Add(ref start, 8 * stride), stride);
    }

    /// <summary>A line of the row sixteen ahead, where a piece of each of many is read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RowAhead(ref byte piece, int apart) => Lines(ref Unsafe.Add(ref piece, RowsAhead * (nint)apart), 1);

    /// <summary>
    /// Into the first-level cache, two lines on: while a line of each of so many rows, eight or sixteen, is read four numbers at a
    /// time, a line of four of the rows each time, in turn.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void FourInTurn(ref byte start, nint stride, nint step, nint rows)
    {
        if (!Sse.IsSupported) return;
        byte* at = (byte*)Unsafe.AsPointer(ref start) + (step & (rows - 4)) * stride + 2 * Line;
        Sse.Prefetch0(at);
        Sse.Prefetch0(at + stride);
        Sse.Prefetch0(at + 2 * stride);
        Sse.Prefetch0(at + 3 * stride);
    }
}
