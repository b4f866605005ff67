using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's IQ4_NL, sixteen uneven levels: w = level(q) d. 32 weights in 18 bytes, 4.5 bits each.
/// <code>d f16 | 16 bytes: weight j low, weight j + 16 high</code>
/// </summary>
internal readonly struct IQ4_NL : IBlockInLanes
{
    private const int Size = 18, CodesAt = 2;

    private static Vector128<sbyte> Levels
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create((sbyte)-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
    }

    public static int Weights => GroupOf32.Length;

    public static int Bytes => Size;

    public static int RunsOfScale => 2;

    public static bool HasMinimum => false;

    public static int Bits => 8;

    public static byte Centre => 0;

    public static void Dequantize<TPart>(ref byte block, int group, ref float weights) where TPart : struct, IPartOf32
    {
        Vector256<byte> codes = GroupOf32.LowThenHighHalves(ref Unsafe.Add(ref block, CodesAt));
        Vector256<sbyte> q = Vector256.Create(Vector128.Shuffle(Levels, codes.GetLower().AsSByte()), Vector128.Shuffle(Levels, codes.GetUpper().AsSByte()));
        GroupOf32.Scale<TPart>(q, GroupOf32.Half(ref block, 0), ref weights);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales<TIntegers, TFloats>(ref byte block, nint stride, ref float scales, ref float minima, int apart)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats> =>
            LaneCodes<TIntegers, TFloats>.Scale(ref block, stride, ref scales);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Codes<TIntegers, TFloats, TCodes>(ref byte block, nint stride, TCodes codes)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>
        where TCodes : struct, ICodes<TIntegers, TFloats>, allows ref struct
    {
        LaneRun<TIntegers, TFloats> both = LaneRun<TIntegers, TFloats>.Load(ref Unsafe.Add(ref block, CodesAt), stride);
        codes.Put(0, LookUp(both & EachByte.FourBits));
        codes.Put(1, LookUp(both >>> 4 & EachByte.FourBits));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneRun<TIntegers, TFloats> LookUp<TIntegers, TFloats>(LaneRun<TIntegers, TFloats> codes)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats> =>
            new(TIntegers.LookUp(Levels, codes.A), TIntegers.LookUp(Levels, codes.B), TIntegers.LookUp(Levels, codes.C), TIntegers.LookUp(Levels, codes.D));

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, 0));
}
