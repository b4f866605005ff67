using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's Q6_K: sixteen runs of 16, each w = (q - 32) d s with a signed byte s. 256 weights in 210 bytes, 6.6 bits each.
/// <code>128 bytes: lower four bits | 64 bytes: upper two | 16 bytes: s | d f16</code>
/// Each half of 128 weights is four groups g of 32: lower bits in byte j + 32 (g mod 2), low half for g &lt; 2 and high
/// half after; upper bits at 2 g of byte j.
/// </summary>
internal readonly struct Q6_K : IBlockInLanes
{
    private const int Size = 210, UpperAt = 128, ScalesAt = 192, ScaleAt = 208;

    public static int Weights => 8 * GroupOf32.Length;

    public static int Bytes => Size;

    public static int RunsOfScale => 1;

    public static bool HasMinimum => false;

    public static int Bits => 6;

    public static byte Centre => 32;

    public static void Dequantize<TPart>(ref byte block, int group, ref float weights) where TPart : struct, IPartOf32
    {
        int half = group / 4, g = group % 4;
        Vector256<byte> lower = GroupOf32.Halves(ref Unsafe.Add(ref block, half * 64 + g % 2 * GroupOf32.Length), high: g >= 2);
        Vector256<byte> upper = GroupOf32.TwoBits(ref Unsafe.Add(ref block, UpperAt + half * GroupOf32.Length), g);
        Vector256<sbyte> q = (lower | (upper.AsUInt16() << 4).AsByte()).AsSByte() - Vector256.Create((sbyte)Centre);
        float d = GroupOf32.Half(ref block, ScaleAt);
        ref byte scales = ref Unsafe.Add(ref block, ScalesAt + 2 * group);
        GroupOf32.Scale<TPart>(q, d * (sbyte)scales, d * (sbyte)Unsafe.Add(ref scales, 1), ref weights);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales<TIntegers, TFloats>(ref byte block, nint stride, ref float scales, ref float minima, int apart)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>
    {
        TIntegers.Load(ref Unsafe.Add(ref block, Size - LaneRows.Piece), stride, out _, out _, out _, out TIntegers last);
        TIntegers.Load(ref Unsafe.Add(ref block, ScalesAt), stride, out TIntegers s0, out TIntegers s1, out TIntegers s2, out TIntegers s3);
        TFloats d = last.UpperHalf();
        for (int i = 0; i < sizeof(int); i++)
        {
            (d * s0.SignedByte(i)).Store(ref scales, i * apart);
            (d * s1.SignedByte(i)).Store(ref scales, (4 + i) * apart);
            (d * s2.SignedByte(i)).Store(ref scales, (8 + i) * apart);
            (d * s3.SignedByte(i)).Store(ref scales, (12 + i) * apart);
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
                LaneRun<TIntegers, TFloats> upper = LaneRun<TIntegers, TFloats>.Load(ref Unsafe.Add(ref block, UpperAt + (2 * half + side) * BlockLanes.Run), stride);
                for (int g = 0; g < 2; g++)
                {
                    LaneRun<TIntegers, TFloats> both = LaneRun<TIntegers, TFloats>.Load(ref Unsafe.Add(ref block, (4 * half + 2 * g + side) * BlockLanes.Run), stride);
                    codes.Put(8 * half + 2 * g + side, both & EachByte.FourBits | (upper & EachByte.TwoBits) << 4);
                    codes.Put(8 * half + 2 * (g + 2) + side, both >>> 4 & EachByte.FourBits | upper & EachByte.TwoBits << 4);
                    upper >>>= 2;
                }
            }
    }

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, ScaleAt));
}
