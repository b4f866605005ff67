using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>The lowest bits of each byte of an integer.</summary>
internal static class EachByte
{
    public const int OneBit = 0x01010101, TwoBits = 3 * OneBit, FourBits = 15 * OneBit;
}

/// <summary>What several formats share: halves of bytes, fifth bits, and scales at the beginning of a block.</summary>
internal static class LaneCodes<TIntegers, TFloats>
    where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
    where TFloats : struct, ILanes<TFloats>
{
    /// <summary>Two runs, of the low and the high halves of sixteen bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Halves<TCodes>(ref byte at, nint stride, TCodes codes, nint low, nint high) where TCodes : struct, ICodes<TIntegers, TFloats>, allows ref struct
    {
        LaneRun<TIntegers, TFloats> both = LaneRun<TIntegers, TFloats>.Load(ref at, stride);
        codes.Put(low, both & EachByte.FourBits);
        codes.Put(high, both >>> 4 & EachByte.FourBits);
    }

    /// <summary>The two runs of 32 codes of five bits: four in the low, then in the high halves of sixteen bytes, the fifth in an integer, bit after bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FiveBits<TCodes>(ref byte at, ref byte fifthBits, nint stride, TCodes codes) where TCodes : struct, ICodes<TIntegers, TFloats>, allows ref struct
    {
        LaneRun<TIntegers, TFloats> both = LaneRun<TIntegers, TFloats>.Load(ref at, stride);
        TIntegers bits = LaneRun<TIntegers, TFloats>.Load(ref fifthBits, stride).A;
        codes.Put(0, both & EachByte.FourBits | FifthBits(bits));
        codes.Put(1, both >>> 4 & EachByte.FourBits | FifthBits(bits >>> BlockLanes.Run));
    }

    /// <summary>The scales of blocks that begin with one, in half precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(ref byte block, nint stride, ref float scale) => LaneRun<TIntegers, TFloats>.Load(ref block, stride).A.LowerHalf().Store(ref scale, 0);

    /// <summary>The scales and minima of blocks that begin with one of each, in half precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScaleAndMinimum(ref byte block, nint stride, ref float scale, ref float minimum)
    {
        TIntegers first = LaneRun<TIntegers, TFloats>.Load(ref block, stride).A;
        first.LowerHalf().Store(ref scale, 0);
        first.UpperHalf().Store(ref minimum, 0);
    }

    /// <summary>The lowest sixteen bits, each as bit 4 of a byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneRun<TIntegers, TFloats> FifthBits(TIntegers bits) => new(FourBits(bits), FourBits(bits >>> 4), FourBits(bits >>> 8), FourBits(bits >>> 12));

    /// <summary>The lowest four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TIntegers FourBits(TIntegers bits)
    {
        TIntegers four = bits & 15, two = four | four << 14;
        return ((two | two << 7) & EachByte.OneBit) << 4;
    }
}
