using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// The eight pairs of 6-bit scale and minimum that Q4_K and Q5_K keep in 12 bytes: bytes 0 .. 3 and 4 .. 7 hold pairs
/// 0 .. 3 in their low six bits, bytes 8 .. 11 the low halves of pairs 4 .. 7, whose upper two bits are the top bits of
/// the first eight bytes.
/// </summary>
internal static class SixBitPairs
{
    public static (int Scale, int Minimum) Read(ref byte packed, int pair)
    {
        int scales = Unsafe.Add(ref packed, pair & 3), minima = Unsafe.Add(ref packed, 4 + (pair & 3));
        if (pair < 4) return (scales & 63, minima & 63);
        int low = Unsafe.Add(ref packed, 4 + pair);
        return ((low & 15) | scales >> 6 << 4, low >> 4 | minima >> 6 << 4);
    }

    /// <summary>What blocks that begin with d, m and the pairs multiply by, d s, and what they add, - m t, for as many rows as there are lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales<TIntegers, TFloats>(ref byte block, nint stride, ref float scales, ref float minima, int apart)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>
    {
        TIntegers.Load(ref block, stride, out TIntegers factors, out TIntegers first, out TIntegers second, out TIntegers third);
        TFloats d = factors.LowerHalf(), m = factors.UpperHalf() * TFloats.Broadcast(-1);
        for (int pair = 0; pair < 4; pair++)
        {
            int place = 8 * pair;
            TIntegers low = third >>> place;
            (d * (first >>> place & 63).ToFloats()).Store(ref scales, pair * apart);
            (m * (second >>> place & 63).ToFloats()).Store(ref minima, pair * apart);
            (d * (low & 15 | (first >>> place + 6 & 3) << 4).ToFloats()).Store(ref scales, (4 + pair) * apart);
            (m * (low >>> 4 & 15 | (second >>> place + 6 & 3) << 4).ToFloats()).Store(ref minima, (4 + pair) * apart);
        }
    }
}
