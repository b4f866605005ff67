using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's Q2_K: sixteen runs of 16, each w = d s q - m t with 4-bit s and t. 256 weights in 84 bytes, 2.6 bits each.
/// <code>16 bytes: s low, t high | 64 bytes: codes | d f16 | m f16</code>
/// Each half of 128 weights is four groups g of 32, whose codes lie at bits 2 g of the half's 32 bytes.
/// </summary>
internal readonly struct Q2_K : IBlockInLanes
{
    private const int Size = 84, CodesAt = 16, ScaleAt = 80, MinimumAt = 82;

    public static int Weights => 8 * GroupOf32.Length;

    public static int Bytes => Size;

    public static int RunsOfScale => 1;

    public static bool HasMinimum => true;

    public static int Bits => 2;

    public static byte Centre => 0;

    public static void Dequantize<TPart>(ref byte block, int group, ref float weights) where TPart : struct, IPartOf32
    {
        Vector256<sbyte> q = GroupOf32.TwoBits(ref Unsafe.Add(ref block, CodesAt + group / 4 * GroupOf32.Length), group % 4).AsSByte();
        float d = GroupOf32.Half(ref block, ScaleAt), m = GroupOf32.Half(ref block, MinimumAt);
        int first = Unsafe.Add(ref block, 2 * group), last = Unsafe.Add(ref block, 2 * group + 1);
        GroupOf32.ScaleAndShift<TPart>(q, d * (first & 15), -(m * (first >> 4)), d * (last & 15), -(m * (last >> 4)), ref weights);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales<TIntegers, TFloats>(ref byte block, nint stride, ref float scales, ref float minima, int apart)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>
    {
        TIntegers.Load(ref Unsafe.Add(ref block, Size - LaneRows.Piece), stride, out _, out _, out _, out TIntegers last);
        TIntegers.Load(ref block, stride, out TIntegers p0, out TIntegers p1, out TIntegers p2, out TIntegers p3);
        TFloats d = last.LowerHalf(), m = last.UpperHalf() * TFloats.Broadcast(-1);
        for (int run = 0; run < 16; run++)
        {
            TIntegers pair = ((run >> 2) switch { 0 => p0, 1 => p1, 2 => p2, _ => p3 }) >>> 8 * (run & 3);
            (d * (pair & 15).ToFloats()).Store(ref scales, run * apart);
            (m * (pair >>> 4 & 15).ToFloats()).Store(ref minima, run * apart);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Codes<TIntegers, TFloats, TCodes>(ref byte block, nint stride, TCodes codes)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>
        where TCodes : struct, ICodes<TIntegers, TFloats>, allows ref struct
    {
        for (int half = 0; half < 2; half++)
            for (int side = 0; side < 2; side++)
            {
                LaneRun<TIntegers, TFloats> four = LaneRun<TIntegers, TFloats>.Load(ref Unsafe.Add(ref block, CodesAt + (2 * half + side) * BlockLanes.Run), stride);
                for (int g = 0; g < 4; g++) codes.Put(8 * half + 2 * g + side, four >>> 2 * g & EachByte.TwoBits);
            }
    }

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, ScaleAt)) && float.IsFinite(GroupOf32.Half(ref block, MinimumAt));
}
