using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// One token times rows of W in Q4_0, read where they lie: memory is what this waits for, so rows that come later are
/// asked for while these are multiplied. Several rows lie side by side in the lanes of a register, as in the tiles, so the bits are the
/// same.
/// </summary>
internal static partial class Int8Rows
{
    /// <summary>How many rows ahead memory is asked for: it answers late when it has much to do.</summary>
    private const int RowsAhead = 32;

    /// <summary>y [rows] for one token and whole rows of W.</summary>
    public static void Run(InstructionSet set, QuantizedTokens token, ReadOnlySpan<byte> weights, Span<float> y)
    {
        int stride = token.Blocks * Q4_0.Bytes, row = 0;
        if (set == InstructionSet.Avx512)
            for (; row + 16 <= y.Length; row += 16) SixteenRows(token, weights[(row * stride)..], y.Slice(row, 16));
        if (set >= InstructionSet.Avx2)
            for (; row + 8 <= y.Length; row += 8) EightRows(token, weights[(row * stride)..], y.Slice(row, 8));
        for (; row < y.Length; row++) y[row] = Row(token, weights.Slice(row * stride, stride));
    }

    /// <summary>The specification, for one row.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static float Row(QuantizedTokens token, ReadOnlySpan<byte> weights)
    {
        float sum = 0;
        for (int b = 0; b < token.Blocks; b++)
        {
            ReadOnlySpan<byte> block = weights.Slice(b * Q4_0.Bytes, Q4_0.Bytes);
            ReadOnlySpan<sbyte> codes = token.Codes.Slice(b * QuantizedTokens.Block, QuantizedTokens.Block);
            int products = 0;
            for (int j = 0; j < 16; j++) products += ((block[2 + j] & 15) - 8) * codes[j] + ((block[2 + j] >> 4) - 8) * codes[j + 16];
            sum = MathF.FusedMultiplyAdd(products * (float)MemoryMarshal.Read<Half>(block), token.Scales[b], sum);
        }
        return sum;
    }

    /// <summary>The two bytes at the beginning of each of eight rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ushort> EightHalves(ref byte w, nint stride)
    {
        ref byte fourth = ref Unsafe.Add(ref w, 4 * stride);
        return Vector128.Create(
            HalfBits(ref w, 0), HalfBits(ref w, stride), HalfBits(ref w, 2 * stride), HalfBits(ref w, 3 * stride),
            HalfBits(ref fourth, 0), HalfBits(ref fourth, stride), HalfBits(ref fourth, 2 * stride), HalfBits(ref fourth, 3 * stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ushort HalfBits(ref byte w, nint offset) => Unsafe.ReadUnaligned<ushort>(ref Unsafe.Add(ref w, offset));
}
