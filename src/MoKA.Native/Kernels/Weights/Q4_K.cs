using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's Q4_K: eight groups of 32, each w = d s q - m t with 6-bit s and t. 256 weights in 144 bytes, 4.5 bits each.
/// <code>d f16 | m f16 | 12 bytes: pairs (s, t) | 128 bytes: of each 32, group 2p low and group 2p + 1 high</code>
/// </summary>
internal readonly struct Q4_K : IBlockInLanes
{
    private const int Size = 144, MinimumAt = 2, PairsAt = 4, CodesAt = 16;

    public static int Weights => 8 * GroupOf32.Length;

    public static int Bytes => Size;

    public static int RunsOfScale => 2;

    public static bool HasMinimum => true;

    public static int Bits => 4;

    public static byte Centre => 0;

    public static void Dequantize<TPart>(ref byte block, int group, ref float weights) where TPart : struct, IPartOf32
    {
        (int s, int t) = SixBitPairs.Read(ref Unsafe.Add(ref block, PairsAt), group);
        ref byte codes = ref Unsafe.Add(ref block, CodesAt + group / 2 * GroupOf32.Length);
        GroupOf32.ScaleAndShift<TPart>(GroupOf32.Halves(ref codes, high: group % 2 == 1), GroupOf32.Half(ref block, 0) * s, -(GroupOf32.Half(ref block, MinimumAt) * t), ref weights);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales<TIntegers, TFloats>(ref byte block, nint stride, ref float scales, ref float minima, int apart)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats> =>
            SixBitPairs.Scales<TIntegers, TFloats>(ref block, stride, ref scales, ref minima, apart);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Codes<TIntegers, TFloats, TCodes>(ref byte block, nint stride, TCodes codes)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>
        where TCodes : struct, ICodes<TIntegers, TFloats>, allows ref struct
    {
        for (int pair = 0; pair < 4; pair++)
            for (int side = 0; side < 2; side++)
                LaneCodes<TIntegers, TFloats>.Halves(ref Unsafe.Add(ref block, CodesAt + (2 * pair + side) * BlockLanes.Run), stride, codes, 4 * pair + side, 4 * pair + 2 + side);
    }

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, 0)) && float.IsFinite(GroupOf32.Half(ref block, MinimumAt));
}
