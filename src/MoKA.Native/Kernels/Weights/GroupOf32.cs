using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// What the block formats share: codes of 32 adjacent weights, taken out of packed bits, and turned into floats. Integers
/// are exact and each product and sum is rounded once, so vectors of any width give the same bits.
/// </summary>
internal static class GroupOf32
{
    public const int Length = 32;

    /// <summary>2^112: what a half's exponent is short of when its bits are read as a float's.</summary>
    public const float FromHalfExponent = 5192296858534827628530496329220096f;

    /// <summary>The half-precision number at an offset of a block. Finite ones are shifted into a float's place, which is exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Half(ref byte block, int offset)
    {
        const uint infinite = 0x7C00, sign = 0x8000;
        uint bits = Unsafe.ReadUnaligned<ushort>(ref Unsafe.Add(ref block, offset));
        if ((bits & infinite) == infinite) return (float)BitConverter.UInt16BitsToHalf((ushort)bits);
        float magnitude = BitConverter.UInt32BitsToSingle((bits & ~sign) << 13) * FromHalfExponent;
        return BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(magnitude) | (bits & sign) << 16);
    }

    /// <summary>16 bytes: their low halves are codes 0 .. 15, their high halves codes 16 .. 31.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> LowThenHighHalves(ref byte packed)
    {
        Vector128<byte> pairs = Vector128.LoadUnsafe(ref packed);
        return Vector256.Create(pairs & Vector128.Create((byte)15), pairs >>> 4);
    }

    /// <summary>32 bytes: their low halves, or their high halves, are the codes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Halves(ref byte packed, bool high)
    {
        Vector256<byte> pairs = Vector256.LoadUnsafe(ref packed);
        return high ? pairs >>> 4 : pairs & Vector256.Create((byte)15);
    }

    /// <summary>32 bytes: bits 2 g and 2 g + 1 of each are a code.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> TwoBits(ref byte packed, int g) =>
        (Vector256.LoadUnsafe(ref packed).AsUInt16() >>> (2 * g)).AsByte() & Vector256.Create((byte)3);

    /// <summary>32 bits: where bit j is set, byte j is <paramref name="value"/>, else 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> WhereBit(uint bits, byte value)
    {
        Vector256<byte> eachInItsByte = Vector256.Shuffle(Vector256.Create(bits).AsByte(), Vector256.Create(
            (byte)0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 18, 18, 18, 18, 18, 18, 18, 18, 19, 19, 19, 19, 19, 19, 19, 19));
        Vector256<byte> mask = Vector256.Create(0x8040201008040201UL).AsByte();
        return Vector256.Equals(eachInItsByte & mask, mask) & Vector256.Create(value);
    }

    /// <summary>w = q d.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(Vector256<sbyte> q, float d, ref float weights) => Scale(q, d, d, ref weights);

    /// <summary>w = q d, with one d for the first 16 weights and another for the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(Vector256<sbyte> q, float first, float last, ref float weights)
    {
        (Vector256<float> q0, Vector256<float> q1, Vector256<float> q2, Vector256<float> q3) = Floats(q);
        (q0 * Vector256.Create(first)).StoreUnsafe(ref weights);
        (q1 * Vector256.Create(first)).StoreUnsafe(ref weights, 8);
        (q2 * Vector256.Create(last)).StoreUnsafe(ref weights, 16);
        (q3 * Vector256.Create(last)).StoreUnsafe(ref weights, 24);
    }

    /// <summary>w = q d + m, the product rounded before the sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScaleAndShift(Vector256<byte> q, float d, float m, ref float weights) => ScaleAndShift(q.AsSByte(), d, m, d, m, ref weights);

    /// <summary>w = q d + m, with one d and m for the first 16 weights and others for the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScaleAndShift(Vector256<sbyte> q, float firstD, float firstM, float lastD, float lastM, ref float weights)
    {
        (Vector256<float> q0, Vector256<float> q1, Vector256<float> q2, Vector256<float> q3) = Floats(q);
        Vector256<float> first = Vector256.Create(firstD), firstOffset = Vector256.Create(firstM), last = Vector256.Create(lastD), lastOffset = Vector256.Create(lastM);
        (q0 * first + firstOffset).StoreUnsafe(ref weights);
        (q1 * first + firstOffset).StoreUnsafe(ref weights, 8);
        (q2 * last + lastOffset).StoreUnsafe(ref weights, 16);
        (q3 * last + lastOffset).StoreUnsafe(ref weights, 24);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> Q0, Vector256<float> Q1, Vector256<float> Q2, Vector256<float> Q3) Floats(Vector256<sbyte> q)
    {
        (Vector256<short> low, Vector256<short> high) = Vector256.Widen(q);
        (Vector256<int> q0, Vector256<int> q1) = Vector256.Widen(low);
        (Vector256<int> q2, Vector256<int> q3) = Vector256.Widen(high);
        return (Vector256.ConvertToSingle(q0), Vector256.ConvertToSingle(q1), Vector256.ConvertToSingle(q2), Vector256.ConvertToSingle(q3));
    }
}
