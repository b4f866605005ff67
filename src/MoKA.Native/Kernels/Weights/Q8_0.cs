using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's Q8_0, symmetric 8-bit: w = q d. 32 weights in 34 bytes, 8.5 bits each.
/// <code>d f16 | 32 signed bytes</code>
/// </summary>
internal readonly struct Q8_0 : IBlockInLanes
{
    private const int Size = 34, CodesAt = 2;

    public static int Weights => GroupOf32.Length;

    public static int Bytes => Size;

    public static int RunsOfScale => 2;

    public static bool HasMinimum => false;

    public static int Bits => 8;

    public static byte Centre => 0;

    public static void Dequantize<TPart>(ref byte block, int group, ref float weights) where TPart : struct, IPartOf32 =>
        GroupOf32.Scale<TPart>(Vector256.LoadUnsafe(ref Unsafe.Add(ref block, CodesAt)).AsSByte(), GroupOf32.Half(ref block, 0), ref weights);

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
        codes.Put(0, LaneRun<TIntegers, TFloats>.Load(ref Unsafe.Add(ref block, CodesAt), stride));
        codes.Put(1, LaneRun<TIntegers, TFloats>.Load(ref Unsafe.Add(ref block, CodesAt + BlockLanes.Run), stride));
    }

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, 0));

    /// <summary>d = max |x| / 127; q = x / d rounded half away from zero; d is rounded to half precision after the codes are chosen.</summary>
    [MethodImpl(Compiled.AtOnce)]
    public static void Quantize(ReadOnlySpan<float> weights, Span<byte> block)
    {
        float largest = 0;
        foreach (float x in weights) largest = MathF.Max(largest, MathF.Abs(x));
        float d = largest / 127, inverse = d == 0 ? 0 : 1 / d;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)d);
        for (int j = 0; j < Weights; j++) block[CodesAt + j] = (byte)(sbyte)MathF.Round(weights[j] * inverse, MidpointRounding.AwayFromZero);
    }
}
