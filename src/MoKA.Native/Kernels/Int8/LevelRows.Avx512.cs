using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

internal static partial class LevelRows
{
    /// <summary>
    /// Sixteen rows of W: a line of 64 bytes of each at a time, four blocks, whose sums then change places so that each lane is a
    /// row. Blocks after the last whole line are read with a row in each lane. Scales lie as [blocks of W, 16].
    /// </summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void SixteenRows(QuantizedTokens token, RowStreams codes, IntegerLevels levels, ReadOnlySpan<float> scales, int blocksOfScale, ref RowScales next, scoped Span<float> y)
    {
        int blocks = token.Blocks, scalesOfLine = Math.Max(BlocksOfLine / blocksOfScale, 1) * Sixteen, shift = BitOperations.Log2((uint)blocksOfScale);
        // The slices prove the bounds once; the loops then read without checks.
        ref byte w = ref MemoryMarshal.GetReference(codes.Bytes[..((Sixteen - 1) * codes.Stride + blocks * BytesOfBlock)]), ahead = ref codes.AheadOfFirst;
        nint stride = codes.Stride, sourceStride = codes.SourceStride;
        ref byte p = ref Unsafe.As<sbyte, byte>(ref MemoryMarshal.GetReference(token.Codes[..(blocks * QuantizedTokens.Block)]));
        ref float e = ref MemoryMarshal.GetReference(token.Scales[..blocks]), d = ref MemoryMarshal.GetReference(scales[..(Ceiling.OfRatio(blocks, blocksOfScale) * Sixteen)]);
        ref int bias = ref MemoryMarshal.GetReference(token.Biases[..blocks]);
        Vector512<byte> table = Wide(Vector128.Create(levels.Codes));
        Vector512<float> sum = Vector512<float>.Zero;
        int b = 0;
        for (; b + BlocksOfLine <= blocks; b += BlocksOfLine)
        {
            Prefetch.SixteenRows(ref ahead, sourceStride);
            ahead = ref Unsafe.Add(ref ahead, Prefetch.Line);
            Vector512<sbyte> first = Vector512.LoadUnsafe(ref p).AsSByte(), second = Vector512.LoadUnsafe(ref p, Prefetch.Line).AsSByte();
            Vector512<int> q0 = FourRows(ref w, stride, table, first, second), q1 = FourRows(ref Unsafe.Add(ref w, 4 * stride), stride, table, first, second);
            Vector512<int> q2 = FourRows(ref Unsafe.Add(ref w, 8 * stride), stride, table, first, second), q3 = FourRows(ref Unsafe.Add(ref w, 12 * stride), stride, table, first, second);
            // Quarters of the four become registers: each a block of all sixteen rows.
            Vector512<int> blocks01 = Avx512F.Shuffle4x128(q0, q1, 0b_01_00_01_00), blocks23 = Avx512F.Shuffle4x128(q0, q1, 0b_11_10_11_10);
            Vector512<int> more01 = Avx512F.Shuffle4x128(q2, q3, 0b_01_00_01_00), more23 = Avx512F.Shuffle4x128(q2, q3, 0b_11_10_11_10);
            sum = Add(sum, Avx512F.Shuffle4x128(blocks01, more01, 0b_10_00_10_00), b, shift, ref d, ref e, ref bias);
            sum = Add(sum, Avx512F.Shuffle4x128(blocks01, more01, 0b_11_01_11_01), b + 1, shift, ref d, ref e, ref bias);
            sum = Add(sum, Avx512F.Shuffle4x128(blocks23, more23, 0b_10_00_10_00), b + 2, shift, ref d, ref e, ref bias);
            sum = Add(sum, Avx512F.Shuffle4x128(blocks23, more23, 0b_11_01_11_01), b + 3, shift, ref d, ref e, ref bias);
            w = ref Unsafe.Add(ref w, Prefetch.Line);
            if ((b & BlocksOfLine) != 0) next.Find(2 * scalesOfLine);
            p = ref Unsafe.Add(ref p, 2 * Prefetch.Line);
        }
        nint half = (blocks - b) * BytesOfBlock;
        for (; b < blocks; b++)
        {
            LaneColumns.Load(ref w, stride, out Vector512<int> c0, out Vector512<int> c1, out Vector512<int> c2, out Vector512<int> c3);
            Vector512<int> products = Products(c0.AsByte(), table, Four(ref p, 0), Four(ref p, half)) + Products(c1.AsByte(), table, Four(ref p, 4), Four(ref p, half + 4))
                + Products(c2.AsByte(), table, Four(ref p, 8), Four(ref p, half + 8)) + Products(c3.AsByte(), table, Four(ref p, 12), Four(ref p, half + 12));
            sum = Add(sum, products, b, shift, ref d, ref e, ref bias);
            w = ref Unsafe.Add(ref w, BytesOfBlock);
            p = ref Unsafe.Add(ref p, BytesOfBlock);
        }
        sum.CopyTo(y);
    }

    /// <summary>fma((products + bias) d, e, sum) for a block of sixteen rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Add(Vector512<float> sum, Vector512<int> products, int block, int shift, ref float d, ref float e, ref int bias)
    {
        Vector512<float> whole = Vector512.ConvertToSingle(products + Vector512.Create(Int8Levels.Start(Unsafe.Add(ref bias, block))));
        return Vector512.FusedMultiplyAdd(whole * Vector512.LoadUnsafe(ref Unsafe.Add(ref d, (block >> shift) * Sixteen)), Vector512.Create(Unsafe.Add(ref e, block)), sum);
    }

    /// <summary>A line of each of four rows: four blocks in its quarters, in each a sum for every row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> FourRows(ref byte w, nint stride, Vector512<byte> table, Vector512<sbyte> first, Vector512<sbyte> second)
    {
        Vector512<int> s0 = Products(Vector512.LoadUnsafe(ref w), table, first, second), s1 = Products(Vector512.LoadUnsafe(ref Unsafe.Add(ref w, stride)), table, first, second);
        Vector512<int> s2 = Products(Vector512.LoadUnsafe(ref Unsafe.Add(ref w, 2 * stride)), table, first, second), s3 = Products(Vector512.LoadUnsafe(ref Unsafe.Add(ref w, 3 * stride)), table, first, second);
        Vector512<long> s01 = (Avx512F.UnpackLow(s0, s1) + Avx512F.UnpackHigh(s0, s1)).AsInt64(), s23 = (Avx512F.UnpackLow(s2, s3) + Avx512F.UnpackHigh(s2, s3)).AsInt64();
        return Avx512F.UnpackLow(s01, s23).AsInt32() + Avx512F.UnpackHigh(s01, s23).AsInt32();
    }

    /// <summary>In each lane of 32 bits four bytes, eight weights made positive, times codes of the token: the first of each pair and the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Products(Vector512<byte> pairs, Vector512<byte> table, Vector512<sbyte> first, Vector512<sbyte> second)
    {
        Vector512<short> ones = Vector512<short>.One, ofFirst = Avx512BW.MultiplyAddAdjacent(LookUp(table, (pairs.AsInt32() >>> 4).AsByte()), first);
        return Avx512BW.MultiplyAddAdjacent(ofFirst, ones) + Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(LookUp(table, pairs), second), ones);
    }

    /// <summary>Levels that lower halves of bytes name. The table stands in each quarter, so that a look-up in all 64 bytes need not mask the upper halves away.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> LookUp(Vector512<byte> table, Vector512<byte> codes) =>
        Avx512Vbmi.IsSupported ? Avx512Vbmi.PermuteVar64x8(table, codes) : Avx512BW.Shuffle(table, codes & Vector512.Create((byte)15));

    private static Vector512<sbyte> Four(ref byte p, nint offset) => Vector512.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref p, offset))).AsSByte();

    private static Vector512<byte> Wide(Vector128<byte> table) => Vector512.Create(Vector256.Create(table, table), Vector256.Create(table, table));
}
