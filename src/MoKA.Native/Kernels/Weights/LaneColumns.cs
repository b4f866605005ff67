using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

/// <summary>16 bytes of each of sixteen rows, or of eight, side by side in the lanes of four registers. See Int4.md.</summary>
internal static class LaneColumns
{
    /// <summary>Rows at a time.</summary>
    public const int Rows = 16;

    /// <summary>Rows at a time on AVX2.</summary>
    public const int Eight = Rows / 2;

    /// <summary>Sign, exponent and digits of a half that stands in a float's upper bits, shifted to the float's places.</summary>
    private const int FromHalf = unchecked((int)0x8FFFE000);

    /// <summary>Register i: integer i of every row, in the order of the rows, which lie <paramref name="stride"/> bytes apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(ref byte at, nint stride, out Vector512<int> c0, out Vector512<int> c1, out Vector512<int> c2, out Vector512<int> c3)
    {
        // Three places beside the first, so that each row is one of them and at most three strides.
        ref byte fourth = ref Unsafe.Add(ref at, 4 * stride), eighth = ref Unsafe.Add(ref at, 8 * stride), twelfth = ref Unsafe.Add(ref eighth, 4 * stride);
        Vector512<int> p = FourRows(ref at, ref fourth, ref eighth, ref twelfth, 0), q = FourRows(ref at, ref fourth, ref eighth, ref twelfth, stride);
        Vector512<int> r = FourRows(ref at, ref fourth, ref eighth, ref twelfth, 2 * stride), s = FourRows(ref at, ref fourth, ref eighth, ref twelfth, 3 * stride);
        // Columns of each four by four become rows, in all four quarters at once.
        Vector512<long> pq = Avx512F.UnpackLow(p, q).AsInt64(), rs = Avx512F.UnpackLow(r, s).AsInt64(), pqHigh = Avx512F.UnpackHigh(p, q).AsInt64(), rsHigh = Avx512F.UnpackHigh(r, s).AsInt64();
        c0 = Avx512F.UnpackLow(pq, rs).AsInt32();
        c1 = Avx512F.UnpackHigh(pq, rs).AsInt32();
        c2 = Avx512F.UnpackLow(pqHigh, rsHigh).AsInt32();
        c3 = Avx512F.UnpackHigh(pqHigh, rsHigh).AsInt32();
    }

    /// <summary>The same for eight rows, on AVX2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadEight(ref byte at, nint stride, out Vector256<int> c0, out Vector256<int> c1, out Vector256<int> c2, out Vector256<int> c3)
    {
        ref byte fourth = ref Unsafe.Add(ref at, 4 * stride);
        Vector256<int> p = TwoRows(ref at, ref fourth, 0), q = TwoRows(ref at, ref fourth, stride), r = TwoRows(ref at, ref fourth, 2 * stride), s = TwoRows(ref at, ref fourth, 3 * stride);
        Vector256<long> pq = Avx2.UnpackLow(p, q).AsInt64(), rs = Avx2.UnpackLow(r, s).AsInt64(), pqHigh = Avx2.UnpackHigh(p, q).AsInt64(), rsHigh = Avx2.UnpackHigh(r, s).AsInt64();
        c0 = Avx2.UnpackLow(pq, rs).AsInt32();
        c1 = Avx2.UnpackHigh(pq, rs).AsInt32();
        c2 = Avx2.UnpackLow(pqHigh, rsHigh).AsInt32();
        c3 = Avx2.UnpackHigh(pqHigh, rsHigh).AsInt32();
    }

    /// <summary>
    /// Eight rows on AVX2, byte by byte: register i holds bytes 4 i to 4 i + 3, each of rows 0 to 3 side by side in its low half, of
    /// rows 4 to 7 in its high half.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadBytes(ref byte at, nint stride, out Vector256<byte> c0, out Vector256<byte> c1, out Vector256<byte> c2, out Vector256<byte> c3)
    {
        ref byte fourth = ref Unsafe.Add(ref at, 4 * stride);
        Vector256<byte> p = TwoRows(ref at, ref fourth, 0).AsByte(), q = TwoRows(ref at, ref fourth, stride).AsByte(), r = TwoRows(ref at, ref fourth, 2 * stride).AsByte(), s = TwoRows(ref at, ref fourth, 3 * stride).AsByte();
        Vector256<short> pq = Avx2.UnpackLow(p, q).AsInt16(), rs = Avx2.UnpackLow(r, s).AsInt16(), pqHigh = Avx2.UnpackHigh(p, q).AsInt16(), rsHigh = Avx2.UnpackHigh(r, s).AsInt16();
        c0 = Avx2.UnpackLow(pq, rs).AsByte();
        c1 = Avx2.UnpackHigh(pq, rs).AsByte();
        c2 = Avx2.UnpackLow(pqHigh, rsHigh).AsByte();
        c3 = Avx2.UnpackHigh(pqHigh, rsHigh).AsByte();
    }

    /// <summary>The half-precision number that each of sixteen rows begins with, finite, as a float. Sixteen bytes of a row are read: inserts of those go to more ports than inserts of four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Halves(ref byte at, nint stride)
    {
        Load(ref at, stride, out Vector512<int> first, out _, out _, out _);
        return FromUpperHalves(first << 16);
    }

    /// <summary>The same for eight rows, on AVX2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> EightHalves(ref byte at, nint stride)
    {
        LoadEight(ref at, stride, out Vector256<int> first, out _, out _, out _);
        return (first << 16 >> 3 & Vector256.Create(FromHalf)).AsSingle() * Vector256.Create(GroupOf32.FromHalfExponent);
    }

    /// <summary>The half in an integer's upper two bytes: a shift that repeats the sign brings exponent and digits to a float's places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> FromUpperHalves(Vector512<int> halves) =>
        (halves >> 3 & Vector512.Create(FromHalf)).AsSingle() * Vector512.Create(GroupOf32.FromHalfExponent);

    /// <summary>A row from each place on, each a quarter of the register. Two meet in each half of it, which costs less where registers are two halves inside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> FourRows(ref byte at, ref byte fourth, ref byte eighth, ref byte twelfth, nint offset) =>
        Avx512F.InsertVector256(TwoRows(ref at, ref fourth, offset).ToVector512Unsafe(), TwoRows(ref eighth, ref twelfth, offset), 1);

    /// <summary>A row from each place on, each half of the register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> TwoRows(ref byte at, ref byte fourth, nint offset) => Vector256.Create(Row(ref at, offset), Row(ref fourth, offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Row(ref byte at, nint offset) => Vector128.LoadUnsafe(ref Unsafe.Add(ref at, offset)).AsInt32();
}
