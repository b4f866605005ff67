using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

internal static partial class Int8Rows
{
    /// <summary>Eight rows of W, one in each lane of 32 bits.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void EightRows(in QuantizedTokens token, ReadOnlySpan<byte> weights, nint stride, Span<float> y)
    {
        int blocks = token.Blocks;
        // The slices prove the bounds once; the loop then reads without checks.
        ref byte w = ref MemoryMarshal.GetReference(weights[..((Eight - 1) * (int)stride + blocks * Q4_0.Bytes)]);
        ref byte a = ref Unsafe.As<sbyte, byte>(ref MemoryMarshal.GetReference(token.Codes[..(blocks * QuantizedTokens.Block)]));
        ref float e = ref MemoryMarshal.GetReference(token.Scales[..blocks]);
        ref int bias = ref MemoryMarshal.GetReference(token.Biases[..blocks]);
        Vector256<short> ones = Vector256<short>.One;
        Vector256<float> sum = Vector256<float>.Zero;
        for (int b = 0; b < blocks; b++)
        {
            // A line is three blocks and a half: four of the streams are asked for at each.
            Prefetch.FourRows(ref Unsafe.Add(ref w, (b & 1) * 4 * stride + RowStreams.Ahead), stride);
            ref byte codes = ref Unsafe.Add(ref w, 2);
            LaneColumns.LoadEight(ref codes, stride, out Vector256<int> c0, out Vector256<int> c1, out Vector256<int> c2, out Vector256<int> c3);
            Vector256<short> sums = Vector256.Create(Unsafe.Add(ref bias, b)).AsInt16();
            sums = AddGroups(sums, c0.AsByte(), ref a, 0);
            sums = AddGroups(sums, c1.AsByte(), ref a, 1);
            sums = AddGroups(sums, c2.AsByte(), ref a, 2);
            sums = AddGroups(sums, c3.AsByte(), ref a, 3);
            Vector256<float> products = Vector256.ConvertToSingle(Avx2.MultiplyAddAdjacent(sums, ones));
            sum = Vector256.FusedMultiplyAdd(products * LaneColumns.EightHalves(ref w, stride), Vector256.Create(Unsafe.Add(ref e, b)), sum);
            w = ref Unsafe.Add(ref w, Q4_0.Bytes);
            a = ref Unsafe.Add(ref a, QuantizedTokens.Block);
        }
        sum.CopyTo(y);
    }

    /// <summary>Steps 4 g .. 4 g + 3 from the low halves, and the sixteenth after them from the high halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> AddGroups(Vector256<short> sums, Vector256<byte> pairs, ref byte a, int g)
    {
        Vector256<byte> low = pairs & Vector256.Create((byte)15), high = pairs >>> 4;
        Vector256<sbyte> first = Vector256.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref a, 4 * g))).AsSByte(), second = Vector256.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref a, 4 * g + 16))).AsSByte();
        return sums + Avx2.MultiplyAddAdjacent(low, first) + Avx2.MultiplyAddAdjacent(high, second);
    }
}
