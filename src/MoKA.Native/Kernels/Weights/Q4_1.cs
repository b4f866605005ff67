using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's Q4_1, 4-bit with a minimum: w = q d + m. 32 weights in 20 bytes, 5 bits each.
/// <code>d f16 | m f16 | 16 bytes: weight j low, weight j + 16 high</code>
/// </summary>
internal readonly struct Q4_1 : IBlockInLanes
{
    private const int Size = 20, MinimumAt = 2, CodesAt = 4;

    public static int Weights => GroupOf32.Length;

    public static int Bytes => Size;

    public static int RunsOfScale => 2;

    public static bool HasMinimum => true;

    public static int Bits => 4;

    public static byte Centre => 0;

    public static void Dequantize<TPart>(ref byte block, int group, ref float weights) where TPart : struct, IPartOf32 =>
        GroupOf32.ScaleAndShift<TPart>(GroupOf32.LowThenHighHalves(ref Unsafe.Add(ref block, CodesAt)), GroupOf32.Half(ref block, 0), GroupOf32.Half(ref block, MinimumAt), ref weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales<TIntegers, TFloats>(ref byte block, nint stride, ref float scales, ref float minima, int apart)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats> =>
        LaneCodes<TIntegers, TFloats>.ScaleAndMinimum(ref block, stride, ref scales, ref minima);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Codes<TIntegers, TFloats, TCodes>(ref byte block, nint stride, TCodes codes)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>
        where TCodes : struct, ICodes<TIntegers, TFloats>, allows ref struct =>
            LaneCodes<TIntegers, TFloats>.Halves(ref Unsafe.Add(ref block, CodesAt), stride, codes, 0, 1);

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, 0)) && float.IsFinite(GroupOf32.Half(ref block, MinimumAt));
}
