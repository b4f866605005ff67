using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>A finite number of two bytes, of which an integer holds two.</summary>
internal interface IHalf
{
    /// <summary>The number in the lower half of each integer as a float, exactly.</summary>
    static abstract Vector256<float> Lower(Vector256<int> pairs);

    /// <summary>The one in the upper half.</summary>
    static abstract Vector256<float> Upper(Vector256<int> pairs);

    /// <summary>The lower ones of sixteen pairs.</summary>
    static abstract Vector512<float> Lower(Vector512<int> pairs);

    /// <summary>The upper ones of sixteen pairs.</summary>
    static abstract Vector512<float> Upper(Vector512<int> pairs);
}

/// <summary>Numbers of two bytes.</summary>
internal readonly struct Halves<THalf> : INumbers where THalf : struct, IHalf
{
    public static int OfPiece => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<int> c0, Vector256<int> c1, Vector256<int> c2, Vector256<int> c3, ref float x, nint apart, Vector256<float> sum)
    {
        sum = Add(c0, ref x, apart, sum);
        sum = Add(c1, ref Unsafe.Add(ref x, 2 * apart), apart, sum);
        sum = Add(c2, ref Unsafe.Add(ref x, 4 * apart), apart, sum);
        return Add(c3, ref Unsafe.Add(ref x, 6 * apart), apart, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<int> c0, Vector512<int> c1, Vector512<int> c2, Vector512<int> c3, ref float x, nint apart, Vector512<float> sum)
    {
        sum = Add(c0, ref x, apart, sum);
        sum = Add(c1, ref Unsafe.Add(ref x, 2 * apart), apart, sum);
        sum = Add(c2, ref Unsafe.Add(ref x, 4 * apart), apart, sum);
        return Add(c3, ref Unsafe.Add(ref x, 6 * apart), apart, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Add(Vector256<int> pairs, ref float x, nint apart, Vector256<float> sum)
    {
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x), THalf.Lower(pairs), sum);
        return Vector256.FusedMultiplyAdd(Vector256.Create(Unsafe.Add(ref x, apart)), THalf.Upper(pairs), sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Add(Vector512<int> pairs, ref float x, nint apart, Vector512<float> sum)
    {
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x), THalf.Lower(pairs), sum);
        return Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref x, apart)), THalf.Upper(pairs), sum);
    }
}

/// <summary>The upper half of a float.</summary>
internal readonly struct BFloat16Half : IHalf
{
    private const int UpperHalf = unchecked((int)0xFFFF0000);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Lower(Vector256<int> pairs) => (pairs << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Upper(Vector256<int> pairs) => (pairs & Vector256.Create(UpperHalf)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Lower(Vector512<int> pairs) => (pairs << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Upper(Vector512<int> pairs) => (pairs & Vector512.Create(UpperHalf)).AsSingle();
}

/// <summary>
/// IEEE half precision. Exponent and digits in a float's places, with the exponent raised by what the biases differ by, are the
/// magnitude v of a half that is normal. A subnormal one, 2⁻¹⁴ f with f below 1, becomes v = 2⁻¹⁵ (1 + f) there and is 2 v - 2⁻¹⁴,
/// which is less than v for those alone: the smaller of the two is right for both. No float is subnormal on the way, since
/// some processors take long over those.
/// </summary>
internal readonly struct Float16Half : IHalf
{
    private const int Sign = unchecked((int)0x80000000), Magnitude = 0x0FFFE000, Bias = (127 - 15) << 23;
    private const float LeastNormal = 1 / 16384f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Lower(Vector256<int> pairs) => Upper(pairs << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Upper(Vector256<int> pairs)
    {
        Vector256<float> normal = ((pairs >>> 3 & Vector256.Create(Magnitude)) + Vector256.Create(Bias)).AsSingle();
        Vector256<float> subnormal = Vector256.FusedMultiplyAdd(normal, Vector256.Create(2f), Vector256.Create(-LeastNormal));
        return (Vector256.MinNative(normal, subnormal).AsInt32() | pairs & Vector256.Create(Sign)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Lower(Vector512<int> pairs) => Upper(pairs << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Upper(Vector512<int> pairs)
    {
        Vector512<float> normal = ((pairs >>> 3 & Vector512.Create(Magnitude)) + Vector512.Create(Bias)).AsSingle();
        Vector512<float> subnormal = Vector512.FusedMultiplyAdd(normal, Vector512.Create(2f), Vector512.Create(-LeastNormal));
        return (Vector512.MinNative(normal, subnormal).AsInt32() | pairs & Vector512.Create(Sign)).AsSingle();
    }
}
