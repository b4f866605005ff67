using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's Q3_K: sixteen runs of 16, each w = (q - 4) d (s - 32) with 6-bit s. 256 weights in 110 bytes, 3.4 bits each.
/// <code>32 bytes: bit g of byte j is the third bit of weight j of group g | 64 bytes: lower two bits | 12 bytes: s | d f16</code>
/// Each half of 128 weights is four groups g of 32, whose lower bits lie at bits 2 g of the half's 32 bytes. Of s, the lower
/// four bits lie in the low, then the high halves of bytes 0 .. 7, the upper two of run r at bits 2 (r / 4) of byte 8 + r mod 4.
/// </summary>
internal readonly struct Q3_K : IBlockInLanes
{
    private const int Size = 110, LowerAt = 32, ScalesAt = 96, ScaleAt = 108, CentreOfScales = 32;

    public static int Weights => 8 * GroupOf32.Length;

    public static int Bytes => Size;

    public static int RunsOfScale => 1;

    public static bool HasMinimum => false;

    public static int Bits => 3;

    public static byte Centre => 4;

    public static void Dequantize<TPart>(ref byte block, int group, ref float weights) where TPart : struct, IPartOf32
    {
        Vector256<byte> lower = GroupOf32.TwoBits(ref Unsafe.Add(ref block, LowerAt + group / 4 * GroupOf32.Length), group % 4);
        Vector256<byte> bit = Vector256.Create((byte)(1 << group)), third = Vector256.Equals(Vector256.LoadUnsafe(ref block) & bit, bit) & Vector256.Create((byte)4);
        Vector256<sbyte> q = (lower | third).AsSByte() - Vector256.Create((sbyte)Centre);
        float d = GroupOf32.Half(ref block, ScaleAt);
        ref byte scales = ref Unsafe.Add(ref block, ScalesAt);
        GroupOf32.Scale<TPart>(q, d * ScaleOfRun(ref scales, 2 * group), d * ScaleOfRun(ref scales, 2 * group + 1), ref weights);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales<TIntegers, TFloats>(ref byte block, nint stride, ref float scales, ref float minima, int apart)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>
    {
        // The last sixteen bytes: two of codes, twelve of scales, d.
        TIntegers.Load(ref Unsafe.Add(ref block, Size - LaneRows.Piece), stride, out TIntegers b0, out TIntegers b1, out TIntegers b2, out TIntegers b3);
        TIntegers first = b0 >>> 16 | b1 << 16, second = b1 >>> 16 | b2 << 16, upper = b2 >>> 16 | b3 << 16;
        TFloats d = b3.UpperHalf();
        for (int run = 0; run < 16; run++)
        {
            int place = 8 * (run & 3);
            TIntegers s = ((run & 4) == 0 ? first : second) >>> place + 4 * (run >> 3) & 15 | (upper >>> place + 2 * (run >> 2) & 3) << 4;
            (d * (s.ToFloats() - TFloats.Broadcast(CentreOfScales))).Store(ref scales, run * apart);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Codes<TIntegers, TFloats, TCodes>(ref byte block, nint stride, TCodes codes)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>
        where TCodes : struct, ICodes<TIntegers, TFloats>, allows ref struct
    {
        for (int side = 0; side < 2; side++)
        {
            LaneRun<TIntegers, TFloats> third = LaneRun<TIntegers, TFloats>.Load(ref Unsafe.Add(ref block, side * BlockLanes.Run), stride);
            for (int half = 0; half < 2; half++)
            {
                LaneRun<TIntegers, TFloats> lower = LaneRun<TIntegers, TFloats>.Load(ref Unsafe.Add(ref block, LowerAt + (2 * half + side) * BlockLanes.Run), stride);
                for (int g = 0; g < 4; g++) codes.Put(8 * half + 2 * g + side, lower >>> 2 * g & EachByte.TwoBits | (third >>> 4 * half + g & EachByte.OneBit) << 2);
            }
        }
    }

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, ScaleAt));

    private static int ScaleOfRun(ref byte scales, int run)
    {
        int lower = Unsafe.Add(ref scales, run & 7) >> 4 * (run >> 3) & 15;
        int upper = Unsafe.Add(ref scales, 8 + (run & 3)) >> 2 * (run >> 2) & 3;
        return (lower | upper << 4) - CentreOfScales;
    }
}
