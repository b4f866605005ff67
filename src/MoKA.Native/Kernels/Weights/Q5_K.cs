using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's Q5_K: eight groups of 32, each w = d s q - m t with 6-bit s and t. 256 weights in 176 bytes, 5.5 bits each.
/// <code>d f16 | m f16 | 12 bytes: pairs (s, t) | 32 bytes: bit g of byte j is the fifth bit of weight j of group g
/// | 128 bytes: of each 32, group 2p low and group 2p + 1 high</code>
/// </summary>
internal readonly struct Q5_K : IBlockInLanes
{
    private const int Size = 176, MinimumAt = 2, PairsAt = 4, FifthBitsAt = 16, CodesAt = 48;

    public static int Weights => 8 * GroupOf32.Length;

    public static int Bytes => Size;

    public static int RunsOfScale => 2;

    public static bool HasMinimum => true;

    public static int Bits => 5;

    public static byte Centre => 0;

    public static void Dequantize<TPart>(ref byte block, int group, ref float weights) where TPart : struct, IPartOf32
    {
        (int s, int t) = SixBitPairs.Read(ref Unsafe.Add(ref block, PairsAt), group);
        Vector256<byte> bit = Vector256.Create((byte)(1 << group)), bits = Vector256.LoadUnsafe(ref Unsafe.Add(ref block, FifthBitsAt));
        Vector256<byte> fifth = Vector256.Equals(bits & bit, bit) & Vector256.Create((byte)16);
        Vector256<byte> q = GroupOf32.Halves(ref Unsafe.Add(ref block, CodesAt + group / 2 * GroupOf32.Length), high: group % 2 == 1) | fifth;
        GroupOf32.ScaleAndShift<TPart>(q, GroupOf32.Half(ref block, 0) * s, -(GroupOf32.Half(ref block, MinimumAt) * t), ref weights);
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
        for (int side = 0; side < 2; side++)
        {
            LaneRun<TIntegers, TFloats> fifth = LaneRun<TIntegers, TFloats>.Load(ref Unsafe.Add(ref block, FifthBitsAt + side * BlockLanes.Run), stride);
            for (int p = 0; p < 4; p++)
            {
                LaneRun<TIntegers, TFloats> both = LaneRun<TIntegers, TFloats>.Load(ref Unsafe.Add(ref block, CodesAt + (2 * p + side) * BlockLanes.Run), stride);
                codes.Put(4 * p + side, both & EachByte.FourBits | (fifth & EachByte.OneBit) << 4);
                codes.Put(4 * p + 2 + side, both >>> 4 & EachByte.FourBits | (fifth & EachByte.OneBit << 1) << 3);
                fifth >>>= 2;
            }
        }
    }

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, 0)) && float.IsFinite(GroupOf32.Half(ref block, MinimumAt));
}
