using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

internal static partial class Int8Rows
{
    /// <summary>Blocks that are whole registers of four integers: eight of them, read as 36 integers of each row.</summary>
    private const int BlocksAtOnce = 8;

    /// <summary>
    /// Sixteen rows of W, one in each lane of 32 bits. Two blocks of a row are nine integers, scales included, and are read as such:
    /// <code>d0 q q | q q q q | q q q q | q q q q | q q d1 | q q q q | q q q q | q q q q | q q q q</code>
    /// so that scales come with the codes and need no loads of their own.
    /// </summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void SixteenRows(in QuantizedTokens token, ReadOnlySpan<byte> weights, nint stride, Span<float> y)
    {
        int blocks = token.Blocks;
        // The slices prove the bounds once; the loop then reads without checks.
        ref byte w = ref MemoryMarshal.GetReference(weights[..((Sixteen - 1) * (int)stride + blocks * Q4_0.Bytes)]);
        ref byte a = ref Unsafe.As<sbyte, byte>(ref MemoryMarshal.GetReference(token.Codes[..(blocks * QuantizedTokens.Block)]));
        ref float e = ref MemoryMarshal.GetReference(token.Scales[..blocks]);
        ref int bias = ref MemoryMarshal.GetReference(token.Biases[..blocks]);
        Vector512<float> sum = Vector512<float>.Zero;
        int b = 0;
        for (; b + BlocksAtOnce <= blocks; b += BlocksAtOnce)
        {
            Prefetch.SixteenRows(ref Unsafe.Add(ref w, RowStreams.Ahead), stride);
            LaneColumns.Load(ref w, stride, out Vector512<int> c0, out Vector512<int> c1, out Vector512<int> c2, out Vector512<int> c3);
            LaneColumns.Load(ref Unsafe.Add(ref w, LaneRows.Piece), stride, out Vector512<int> c4, out Vector512<int> c5, out Vector512<int> c6, out Vector512<int> c7);
            LaneColumns.Load(ref Unsafe.Add(ref w, 2 * LaneRows.Piece), stride, out Vector512<int> c8, out Vector512<int> c9, out Vector512<int> c10, out Vector512<int> c11);
            sum = AddTwoBlocks(sum, c0, c1, c2, c3, c4, c5, c6, c7, c8, ref a, ref e, ref bias);
            Prefetch.SixteenRows(ref Unsafe.Add(ref w, RowStreams.Ahead + Prefetch.Line), stride);
            LaneColumns.Load(ref Unsafe.Add(ref w, 3 * LaneRows.Piece), stride, out c0, out c1, out c2, out c3);
            LaneColumns.Load(ref Unsafe.Add(ref w, 4 * LaneRows.Piece), stride, out c4, out c5, out c6, out c7);
            sum = AddTwoBlocks(sum, c9, c10, c11, c0, c1, c2, c3, c4, c5, ref Unsafe.Add(ref a, 2 * QuantizedTokens.Block), ref Unsafe.Add(ref e, 2), ref Unsafe.Add(ref bias, 2));
            LaneColumns.Load(ref Unsafe.Add(ref w, 5 * LaneRows.Piece), stride, out c8, out c9, out c10, out c11);
            LaneColumns.Load(ref Unsafe.Add(ref w, 6 * LaneRows.Piece), stride, out c0, out c1, out c2, out c3);
            sum = AddTwoBlocks(sum, c6, c7, c8, c9, c10, c11, c0, c1, c2, ref Unsafe.Add(ref a, 4 * QuantizedTokens.Block), ref Unsafe.Add(ref e, 4), ref Unsafe.Add(ref bias, 4));
            Prefetch.SixteenRows(ref Unsafe.Add(ref w, RowStreams.Ahead + 2 * Prefetch.Line), stride);
            LaneColumns.Load(ref Unsafe.Add(ref w, 7 * LaneRows.Piece), stride, out c4, out c5, out c6, out c7);
            LaneColumns.Load(ref Unsafe.Add(ref w, 8 * LaneRows.Piece), stride, out c8, out c9, out c10, out c11);
            sum = AddTwoBlocks(sum, c3, c4, c5, c6, c7, c8, c9, c10, c11, ref Unsafe.Add(ref a, 6 * QuantizedTokens.Block), ref Unsafe.Add(ref e, 6), ref Unsafe.Add(ref bias, 6));
            w = ref Unsafe.Add(ref w, BlocksAtOnce * Q4_0.Bytes);
            a = ref Unsafe.Add(ref a, BlocksAtOnce * QuantizedTokens.Block);
            e = ref Unsafe.Add(ref e, BlocksAtOnce);
            bias = ref Unsafe.Add(ref bias, BlocksAtOnce);
        }
        for (; b < blocks; b++)
        {
            LaneColumns.Load(ref Unsafe.Add(ref w, sizeof(ushort)), stride, out Vector512<int> c0, out Vector512<int> c1, out Vector512<int> c2, out Vector512<int> c3);
            Vector512<short> sums = Vector512.Create(bias).AsInt16();
            sums = Add(sums, c0, AllFour, Codes(ref a, 0), Codes(ref a, 16));
            sums = Add(sums, c1, AllFour, Codes(ref a, 4), Codes(ref a, 20));
            sums = Add(sums, c2, AllFour, Codes(ref a, 8), Codes(ref a, 24));
            sums = Add(sums, c3, AllFour, Codes(ref a, 12), Codes(ref a, 28));
            sum = Vector512.FusedMultiplyAdd(Products(sums) * LaneColumns.Halves(ref w, stride), Vector512.Create(e), sum);
            w = ref Unsafe.Add(ref w, Q4_0.Bytes);
            a = ref Unsafe.Add(ref a, QuantizedTokens.Block);
            e = ref Unsafe.Add(ref e, 1);
            bias = ref Unsafe.Add(ref bias, 1);
        }
        sum.CopyTo(y);
    }

    /// <summary>The sums and two blocks more, nine integers of each row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> AddTwoBlocks(Vector512<float> sum, Vector512<int> c0, Vector512<int> c1, Vector512<int> c2, Vector512<int> c3, Vector512<int> c4, Vector512<int> c5, Vector512<int> c6, Vector512<int> c7, Vector512<int> c8, ref byte a, ref float e, ref int bias)
    {
        // The first block's codes lie two bytes behind whole integers, and so do the halves of its bias.
        Vector512<short> sums = Vector512.Create(BitOperations.RotateLeft((uint)bias, 16)).AsInt16();
        sums = Add(sums, c0, 0x0F0F0000, Codes(ref a, 0) << 16, Codes(ref a, 14));
        sums = Add(sums, c1, AllFour, Codes(ref a, 2), Codes(ref a, 18));
        sums = Add(sums, c2, AllFour, Codes(ref a, 6), Codes(ref a, 22));
        sums = Add(sums, c3, AllFour, Codes(ref a, 10), Codes(ref a, 26));
        sums = Add(sums, c4, 0x00000F0F, Codes(ref a, 14), Codes(ref a, 30));
        sum = Vector512.FusedMultiplyAdd(Products(sums) * LaneColumns.FromUpperHalves(c0 << 16), Vector512.Create(e), sum);
        a = ref Unsafe.Add(ref a, QuantizedTokens.Block);
        sums = Vector512.Create(Unsafe.Add(ref bias, 1)).AsInt16();
        sums = Add(sums, c5, AllFour, Codes(ref a, 0), Codes(ref a, 16));
        sums = Add(sums, c6, AllFour, Codes(ref a, 4), Codes(ref a, 20));
        sums = Add(sums, c7, AllFour, Codes(ref a, 8), Codes(ref a, 24));
        sums = Add(sums, c8, AllFour, Codes(ref a, 12), Codes(ref a, 28));
        return Vector512.FusedMultiplyAdd(Products(sums) * LaneColumns.FromUpperHalves(c4), Vector512.Create(Unsafe.Add(ref e, 1)), sum);
    }

    private const int AllFour = 0x0F0F0F0F;

    /// <summary>Codes from the low halves of some bytes of an integer times four codes of the token, and from the high halves times four others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Add(Vector512<short> sums, Vector512<int> pairs, int mask, int first, int second)
    {
        Vector512<byte> low = (pairs & Vector512.Create(mask)).AsByte(), high = (pairs >>> 4 & Vector512.Create(mask)).AsByte();
        return sums + Avx512BW.MultiplyAddAdjacent(low, Vector512.Create(first).AsSByte()) + Avx512BW.MultiplyAddAdjacent(high, Vector512.Create(second).AsSByte());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Codes(ref byte a, int offset) => Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref a, offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Products(Vector512<short> sums) => Vector512.ConvertToSingle(Avx512BW.MultiplyAddAdjacent(sums, Vector512<short>.One));
}
