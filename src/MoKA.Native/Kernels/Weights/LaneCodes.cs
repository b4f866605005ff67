using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>Codes of sixteen weights of each row, a byte each, four in each integer of a lane, put together from packed bits.</summary>
internal static class LaneCodes<TIntegers, TFloats>
    where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
    where TFloats : struct, ILanes<TFloats>
{
    private const int InEachByte = 0x01010101;

    /// <summary>Of each of sixteen bytes the bits from a place on that <paramref name="mask"/> keeps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Read(ref byte at, nint stride, int place, int mask, out TIntegers c0, out TIntegers c1, out TIntegers c2, out TIntegers c3)
    {
        TIntegers.Load(ref at, stride, out c0, out c1, out c2, out c3);
        int kept = mask * InEachByte;
        c0 = c0 >>> place & kept;
        c1 = c1 >>> place & kept;
        c2 = c2 >>> place & kept;
        c3 = c3 >>> place & kept;
    }

    /// <summary>Such bits of sixteen other bytes join the codes, above the <paramref name="low"/> bits that these have.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Join(ref byte at, nint stride, int place, int mask, int low, ref TIntegers c0, ref TIntegers c1, ref TIntegers c2, ref TIntegers c3)
    {
        Read(ref at, stride, place, mask, out TIntegers u0, out TIntegers u1, out TIntegers u2, out TIntegers u3);
        c0 |= u0 << low;
        c1 |= u1 << low;
        c2 |= u2 << low;
        c3 |= u3 << low;
    }

    /// <summary>Run 0 or 1 of 32 codes of five bits: four in the low, then in the high halves of sixteen bytes, the fifth in an integer, bit after bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ReadFiveBits(ref byte codes, ref byte fifthBits, nint stride, int run, out TIntegers c0, out TIntegers c1, out TIntegers c2, out TIntegers c3)
    {
        Read(ref codes, stride, 4 * run, 15, out c0, out c1, out c2, out c3);
        TIntegers.Load(ref fifthBits, stride, out TIntegers bits, out _, out _, out _);
        int first = BlockLanes.Run * run;
        c0 |= FourBits(bits >>> first);
        c1 |= FourBits(bits >>> first + 4);
        c2 |= FourBits(bits >>> first + 8);
        c3 |= FourBits(bits >>> first + 12);
    }

    /// <summary>The scales of blocks that begin with one, in half precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(ref byte block, nint stride, ref float scale)
    {
        TIntegers.Load(ref block, stride, out TIntegers first, out _, out _, out _);
        first.LowerHalf().Store(ref scale, 0);
    }

    /// <summary>The scales and minima of blocks that begin with one of each, in half precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScaleAndMinimum(ref byte block, nint stride, ref float scale, ref float minimum)
    {
        TIntegers.Load(ref block, stride, out TIntegers first, out _, out _, out _);
        first.LowerHalf().Store(ref scale, 0);
        first.UpperHalf().Store(ref minimum, 0);
    }

    /// <summary>Codes less their centre.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Centre(byte centre, ref TIntegers c0, ref TIntegers c1, ref TIntegers c2, ref TIntegers c3)
    {
        c0 = TIntegers.SubtractFromBytes(c0, centre);
        c1 = TIntegers.SubtractFromBytes(c1, centre);
        c2 = TIntegers.SubtractFromBytes(c2, centre);
        c3 = TIntegers.SubtractFromBytes(c3, centre);
    }

    /// <summary>The lowest four bits as bit 4 of a byte each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TIntegers FourBits(TIntegers bits)
    {
        TIntegers four = bits & 15, two = four | four << 14;
        return ((two | two << 7) & InEachByte) << 4;
    }
}
