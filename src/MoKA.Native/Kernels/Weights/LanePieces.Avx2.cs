using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

internal readonly partial struct LowThenHighHalves
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Order(Vector256<byte> c0, Vector256<byte> c1, Vector256<byte> c2, Vector256<byte> c3, ref Vector256<byte> to, nint apart)
    {
        Vector256<byte> half = Vector256.Create((byte)15);
        to = c0 & half;
        Unsafe.Add(ref to, apart) = c1 & half;
        Unsafe.Add(ref to, 2 * apart) = c2 & half;
        Unsafe.Add(ref to, 3 * apart) = c3 & half;
        Unsafe.Add(ref to, 4 * apart) = c0 >>> 4;
        Unsafe.Add(ref to, 5 * apart) = c1 >>> 4;
        Unsafe.Add(ref to, 6 * apart) = c2 >>> 4;
        Unsafe.Add(ref to, 7 * apart) = c3 >>> 4;
    }

    /// <summary>The levels are whole numbers of at most seven bits, floats whose lower two bytes are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightFour Unscaled(Vector256<byte> codes, ref Vector256<byte> planes)
    {
        Vector256<byte> third = Avx2.Shuffle(Unsafe.Add(ref planes, 2), codes), fourth = Avx2.Shuffle(Unsafe.Add(ref planes, 3), codes);
        Vector256<ushort> low = Avx2.UnpackLow(third, fourth).AsUInt16(), high = Avx2.UnpackHigh(third, fourth).AsUInt16(), zero = Vector256<ushort>.Zero;
        return new(Avx2.UnpackLow(zero, low).AsSingle(), Avx2.UnpackHigh(zero, low).AsSingle(), Avx2.UnpackLow(zero, high).AsSingle(), Avx2.UnpackHigh(zero, high).AsSingle());
    }
}

internal readonly partial struct HighThenLowHalves
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Order(Vector256<byte> c0, Vector256<byte> c1, Vector256<byte> c2, Vector256<byte> c3, ref Vector256<byte> to, nint apart)
    {
        OrderTwo(c0, ref to, apart);
        OrderTwo(c1, ref Unsafe.Add(ref to, 2 * apart), apart);
        OrderTwo(c2, ref Unsafe.Add(ref to, 4 * apart), apart);
        OrderTwo(c3, ref Unsafe.Add(ref to, 6 * apart), apart);
    }

    /// <summary>The four bytes of each row give eight codes; four rows of one byte are an integer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OrderTwo(Vector256<byte> bytes, ref Vector256<byte> to, nint apart)
    {
        Vector256<int> high = (bytes >>> 4).AsInt32(), low = (bytes & Vector256.Create((byte)15)).AsInt32();
        to = Avx2.UnpackLow(high, low).AsByte();
        Unsafe.Add(ref to, apart) = Avx2.UnpackHigh(high, low).AsByte();
    }

    /// <summary>Each byte of a float is looked up, then they are put together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightFour Unscaled(Vector256<byte> codes, ref Vector256<byte> planes)
    {
        Vector256<byte> first = Avx2.Shuffle(planes, codes), second = Avx2.Shuffle(Unsafe.Add(ref planes, 1), codes), third = Avx2.Shuffle(Unsafe.Add(ref planes, 2), codes), fourth = Avx2.Shuffle(Unsafe.Add(ref planes, 3), codes);
        Vector256<ushort> lower = Avx2.UnpackLow(first, second).AsUInt16(), upper = Avx2.UnpackLow(third, fourth).AsUInt16(), lowerOfLast = Avx2.UnpackHigh(first, second).AsUInt16(), upperOfLast = Avx2.UnpackHigh(third, fourth).AsUInt16();
        return new(Avx2.UnpackLow(lower, upper).AsSingle(), Avx2.UnpackHigh(lower, upper).AsSingle(), Avx2.UnpackLow(lowerOfLast, upperOfLast).AsSingle(), Avx2.UnpackHigh(lowerOfLast, upperOfLast).AsSingle());
    }
}

internal readonly partial struct SignedBytes
{
    /// <summary>Half of the bytes' range, which makes them positive.</summary>
    private const byte Half = 128;

    /// <summary>The exponent of 2^23, whose floats have the last bit of their integers last.</summary>
    private const ushort Exponent = 0x4B00;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Order(Vector256<byte> c0, Vector256<byte> c1, Vector256<byte> c2, Vector256<byte> c3, ref Vector256<byte> to, nint apart)
    {
        Vector256<byte> half = Vector256.Create(Half);
        to = c0 ^ half;
        Unsafe.Add(ref to, apart) = c1 ^ half;
        Unsafe.Add(ref to, 2 * apart) = c2 ^ half;
        Unsafe.Add(ref to, 3 * apart) = c3 ^ half;
    }

    /// <summary>A byte below the exponent of 2^23 is that float and so many more; the difference is exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightFour Unscaled(Vector256<byte> codes, ref Vector256<byte> planes)
    {
        Vector256<ushort> low = Avx2.UnpackLow(codes, Vector256<byte>.Zero).AsUInt16(), high = Avx2.UnpackHigh(codes, Vector256<byte>.Zero).AsUInt16(), exponent = Vector256.Create(Exponent);
        Vector256<float> zero = Vector256.Create((float)((1 << 23) + Half));
        return new(
            Avx2.UnpackLow(low, exponent).AsSingle() - zero, Avx2.UnpackHigh(low, exponent).AsSingle() - zero,
            Avx2.UnpackLow(high, exponent).AsSingle() - zero, Avx2.UnpackHigh(high, exponent).AsSingle() - zero);
    }
}
