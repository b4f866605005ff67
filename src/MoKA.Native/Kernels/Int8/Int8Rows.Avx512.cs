using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

internal static partial class Int8Rows
{
    /// <summary>Sixteen rows of W, one in each lane of 32 bits.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)] // inside its callers the compiler runs out of registers
    private static void SixteenRows(QuantizedTokens token, ReadOnlySpan<byte> weights, Span<float> y)
    {
        int blocks = token.Blocks, stride = blocks * Q4_0.Bytes;
        // The slices prove the bounds once; the loop then reads and writes without checks.
        ref byte w = ref MemoryMarshal.GetReference(weights[..(16 * stride)]);
        ref byte first = ref w;
        ref byte a = ref Unsafe.As<sbyte, byte>(ref MemoryMarshal.GetReference(token.Codes[..(blocks * QuantizedTokens.Block)]));
        ref float e = ref MemoryMarshal.GetReference(token.Scales[..blocks]);
        ref int bias = ref MemoryMarshal.GetReference(token.Biases[..blocks]);
        Vector512<short> ones = Vector512<short>.One;
        Vector512<float> sum = Vector512<float>.Zero;
        for (int b = 0; b < blocks; b++)
        {
            Prefetch.Lines(ref Unsafe.Add(ref first, 16 * (stride + b * Q4_0.Bytes)), 16 * Q4_0.Bytes);
            ref byte codes = ref Unsafe.Add(ref w, 2);
            LaneRows.Columns(ref codes, stride, out Vector512<int> c0, out Vector512<int> c1, out Vector512<int> c2, out Vector512<int> c3);
            Vector512<short> sums = Vector512.Create(Unsafe.Add(ref bias, b)).AsInt16();
            sums = AddGroups(sums, c0.AsByte(), ref a, 0);
            sums = AddGroups(sums, c1.AsByte(), ref a, 1);
            sums = AddGroups(sums, c2.AsByte(), ref a, 2);
            sums = AddGroups(sums, c3.AsByte(), ref a, 3);
            Vector512<float> products = Vector512.ConvertToSingle(Avx512BW.MultiplyAddAdjacent(sums, ones));
            sum = Vector512.FusedMultiplyAdd(products * Scales16(ref w, stride), Vector512.Create(Unsafe.Add(ref e, b)), sum);
            w = ref Unsafe.Add(ref w, Q4_0.Bytes);
            a = ref Unsafe.Add(ref a, QuantizedTokens.Block);
        }
        sum.CopyTo(y);
    }

    /// <summary>Steps 4 g .. 4 g + 3 from the low halves, and the sixteenth after them from the high halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> AddGroups(Vector512<short> sums, Vector512<byte> pairs, ref byte a, int g)
    {
        Vector512<byte> low = pairs & Vector512.Create((byte)15), high = (pairs.AsUInt16() >>> 4).AsByte() & Vector512.Create((byte)15);
        Vector512<sbyte> first = Vector512.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref a, 4 * g))).AsSByte(), second = Vector512.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref a, 4 * g + 16))).AsSByte();
        return sums + Avx512BW.MultiplyAddAdjacent(low, first) + Avx512BW.MultiplyAddAdjacent(high, second);
    }

    /// <summary>The scales of sixteen rows, which all lie a row apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Scales16(ref byte w, int stride)
    {
        Vector256<ushort> halves = Vector256.Create(EightHalves(ref w, stride), EightHalves(ref Unsafe.Add(ref w, 8 * stride), stride));
        (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(halves);
        Vector512<uint> bits = Vector512.Create(low, high);
        return (((bits & Vector512.Create(0x7FFFu)) << 13).AsSingle() * Vector512.Create(GroupOf32.FromHalfExponent)) | ((bits & Vector512.Create(0x8000u)) << 16).AsSingle();
    }
}
