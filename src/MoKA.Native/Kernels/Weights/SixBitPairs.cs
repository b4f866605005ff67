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
}
