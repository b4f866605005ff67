using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// ggml's Q4_0, symmetric 4-bit: w = (q - 8) d. 32 weights in 18 bytes, 4.5 bits each.
/// <code>d f16 | 16 bytes: weight j low, weight j + 16 high</code>
/// </summary>
internal readonly struct Q4_0 : IBlockInLanes
{
    private const int Size = 18, CodesAt = 2;

    public static int Weights => GroupOf32.Length;

    public static int Bytes => Size;

    public static int RunsOfScale => 2;

    public static bool HasMinimum => false;

    public static int Bits => 4;

    public static byte Centre => 8;

    public static void Dequantize<TPart>(ref byte block, int group, ref float weights) where TPart : struct, IPartOf32 =>
        GroupOf32.Scale<TPart>(GroupOf32.LowThenHighHalves(ref Unsafe.Add(ref block, CodesAt)).AsSByte() - Vector256.Create((sbyte)Centre), GroupOf32.Half(ref block, 0), ref weights);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales<TIntegers, TFloats>(ref byte block, nint stride, ref float scales, ref float minima, int apart)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats> =>
            LaneCodes<TIntegers, TFloats>.Scale(ref block, stride, ref scales);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Codes<TIntegers, TFloats, TCodes>(ref byte block, nint stride, TCodes codes)
        where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
        where TFloats : struct, ILanes<TFloats>
        where TCodes : struct, ICodes<TIntegers, TFloats>, allows ref struct =>
            LaneCodes<TIntegers, TFloats>.Halves(ref Unsafe.Add(ref block, CodesAt), stride, codes, 0, 1);

    public static bool IsFinite(ref byte block) => float.IsFinite(GroupOf32.Half(ref block, 0));

    /// <summary>
    /// d = m / -8 where m is the weight of largest magnitude, sign kept, the first one on ties; q = min(15, ⌊x / d + 8.5⌋);
    /// d is rounded to half precision after the codes are chosen. An all-zero block is d = 0.
    /// </summary>
    [MethodImpl(Compiled.AtOnce)]
    public static void Quantize(ReadOnlySpan<float> weights, Span<byte> block)
    {
        float largest = 0;
        foreach (float x in weights)
            if (MathF.Abs(x) > MathF.Abs(largest)) largest = x;
        float d = largest / -Centre, inverse = d == 0 ? 0 : 1 / d;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)d);
        for (int j = 0; j < Weights / 2; j++) block[CodesAt + j] = (byte)(Code(weights[j] * inverse) | Code(weights[j + Weights / 2] * inverse) << 4);
    }

    private static int Code(float steps) => Math.Min(15, (int)(steps + 8.5f));
}
