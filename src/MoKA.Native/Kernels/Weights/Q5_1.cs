using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's Q5_1, 5-bit with a minimum: w = q d + m. 32 weights in 24 bytes, 6 bits each.
/// <code>d f16 | m f16 | 32 fifth bits, weight 0 lowest | 16 bytes: weight j low, weight j + 16 high</code>
/// </summary>
internal readonly struct Q5_1 : IBlockInLanes
{
    private const int Size = 24, MinimumAt = 2, FifthBitsAt = 4, CodesAt = 8;

    public static int Weights => GroupOf32.Length;

    public static int Bytes => Size;

    public static int RunsOfScale => 2;

    public static bool HasMinimum => true;

    public static int Bits => 5;

    public static byte Centre => 0;

    public static void Dequantize<TPart>(ref byte block, int group, ref float weights) where TPart : struct, IPartOf32
    {
        Vector256<byte> q = GroupOf32.LowThenHighHalves(ref Unsafe.Add(ref block, CodesAt)) | GroupOf32.WhereBit(Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref block, FifthBitsAt)), 16);
        GroupOf32.ScaleAndShift<TPart>(q, GroupOf32.Half(ref block, 0), GroupOf32.Half(ref block, MinimumAt), ref weights);
    }

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
            LaneCodes<TIntegers, TFloats>.FiveBits(ref Unsafe.Add(ref block, CodesAt), ref Unsafe.Add(ref block, FifthBitsAt), stride, codes);

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, 0)) && float.IsFinite(GroupOf32.Half(ref block, MinimumAt));
}
