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
    public const int Length = 32, HalfLength = Length / 2;

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
    public static void Scale<TPart>(Vector256<sbyte> q, float d, ref float weights) where TPart : struct, IPartOf32 => Scale<TPart>(q, d, d, ref weights);

    /// <summary>w = q d, with one d for the first 16 weights and another for the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale<TPart>(Vector256<sbyte> q, float first, float last, ref float weights) where TPart : struct, IPartOf32
    {
        if (TPart.HasFirst) ScaleHalf(Vector256.WidenLower(q), first, ref weights);
        if (TPart.HasLast) ScaleHalf(Vector256.WidenUpper(q), last, ref Last<TPart>(ref weights));
    }

    /// <summary>w = q d + m, the product rounded before the sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScaleAndShift<TPart>(Vector256<byte> q, float d, float m, ref float weights) where TPart : struct, IPartOf32 => ScaleAndShift<TPart>(q.AsSByte(), d, m, d, m, ref weights);

    /// <summary>w = q d + m, with one d and m for the first 16 weights and others for the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScaleAndShift<TPart>(Vector256<sbyte> q, float firstD, float firstM, float lastD, float lastM, ref float weights) where TPart : struct, IPartOf32
    {
        if (TPart.HasFirst) ScaleAndShiftHalf(Vector256.WidenLower(q), firstD, firstM, ref weights);
        if (TPart.HasLast) ScaleAndShiftHalf(Vector256.WidenUpper(q), lastD, lastM, ref Last<TPart>(ref weights));
    }

    /// <summary>Where the last 16 weights go.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref float Last<TPart>(ref float weights) where TPart : struct, IPartOf32 => ref Unsafe.Add(ref weights, TPart.HasFirst ? HalfLength : 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ScaleHalf(Vector256<short> q, float d, ref float weights)
    {
        (Vector256.ConvertToSingle(Vector256.WidenLower(q)) * d).StoreUnsafe(ref weights);
        (Vector256.ConvertToSingle(Vector256.WidenUpper(q)) * d).StoreUnsafe(ref weights, 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ScaleAndShiftHalf(Vector256<short> q, float d, float m, ref float weights)
    {
        Vector256<float> offset = Vector256.Create(m);
        (Vector256.ConvertToSingle(Vector256.WidenLower(q)) * d + offset).StoreUnsafe(ref weights);
        (Vector256.ConvertToSingle(Vector256.WidenUpper(q)) * d + offset).StoreUnsafe(ref weights, 8);
    }
}

/// <summary>Which of 32 weights are wanted: a panel of 16 columns takes the first of each group or the last.</summary>
internal interface IPartOf32
{
    /// <summary>Whether weights 0 .. 15 are.</summary>
    static abstract bool HasFirst { get; }

    /// <summary>Whether weights 16 .. 31 are.</summary>
    static abstract bool HasLast { get; }
}

/// <summary>All of them.</summary>
internal readonly struct WholeOf32 : IPartOf32
{
    public static bool HasFirst => true;

    public static bool HasLast => true;
}

/// <summary>Weights 0 .. 15.</summary>
internal readonly struct FirstOf32 : IPartOf32
{
    public static bool HasFirst => true;

    public static bool HasLast => false;
}

/// <summary>Weights 16 .. 31.</summary>
internal readonly struct LastOf32 : IPartOf32
{
    public static bool HasFirst => false;

    public static bool HasLast => true;
}
