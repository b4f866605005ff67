using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

/// <summary>
/// A register of floats of one width. A kernel is written once over it and runs at 1, 8 and 16 lanes; since every lane
/// does the same correctly rounded operations, all widths give the same bits.
/// </summary>
internal interface ILanes<TSelf> where TSelf : struct, ILanes<TSelf>
{
    static abstract int Count { get; }

    static abstract TSelf Load(ref readonly float source, int offset);

    static abstract TSelf Broadcast(float value);

    void Store(ref float destination, int offset);

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, TSelf b);

    static abstract TSelf operator /(TSelf a, TSelf b);

    /// <summary>a b + c, rounded once.</summary>
    static abstract TSelf Fma(TSelf a, TSelf b, TSelf c);

    static abstract TSelf Sqrt(TSelf a);

    /// <summary>The larger; <paramref name="b"/> when either is not a number.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>The smaller; <paramref name="b"/> when either is not a number.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary>a 2^n for a whole n where a and the result are positive normal floats; not a number where a is not.</summary>
    static abstract TSelf Scale(TSelf a, TSelf n);

    /// <summary>0 where x is below the bound, else <paramref name="value"/>; so too where x is not a number.</summary>
    static abstract TSelf ZeroBelow(TSelf x, TSelf bound, TSelf value);

    /// <summary>Infinity where x is above the bound, else <paramref name="value"/>; so too where x is not a number.</summary>
    static abstract TSelf InfinityAbove(TSelf x, TSelf bound, TSelf value);
}

/// <summary>One lane: the specification.</summary>
internal readonly struct OneLane(float value) : ILanes<OneLane>
{
    private readonly float _value = value;

    public static int Count => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneLane Load(ref readonly float source, int offset) => new(Unsafe.Add(ref Unsafe.AsRef(in source), offset));

    public static OneLane Broadcast(float value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref float destination, int offset) => Unsafe.Add(ref destination, offset) = _value;

    public static OneLane operator +(OneLane a, OneLane b) => new(a._value + b._value);

    public static OneLane operator -(OneLane a, OneLane b) => new(a._value - b._value);

    public static OneLane operator *(OneLane a, OneLane b) => new(a._value * b._value);

    public static OneLane operator /(OneLane a, OneLane b) => new(a._value / b._value);

    public static OneLane Fma(OneLane a, OneLane b, OneLane c) => new(MathF.FusedMultiplyAdd(a._value, b._value, c._value));

    public static OneLane Sqrt(OneLane a) => new(MathF.Sqrt(a._value));

    public static OneLane Max(OneLane a, OneLane b) => a._value > b._value ? a : b;

    public static OneLane Min(OneLane a, OneLane b) => a._value < b._value ? a : b;

    public static OneLane Scale(OneLane a, OneLane n) => new(float.ScaleB(a._value, (int)n._value));

    public static OneLane ZeroBelow(OneLane x, OneLane bound, OneLane value) => x._value < bound._value ? default : value;

    public static OneLane InfinityAbove(OneLane x, OneLane bound, OneLane value) => x._value > bound._value ? new(float.PositiveInfinity) : value;
}

/// <summary>Eight lanes: AVX2.</summary>
internal readonly struct EightLanes(Vector256<float> value) : ILanes<EightLanes>
{
    private readonly Vector256<float> _value = value;

    public Vector256<float> Vector => _value;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes Load(ref readonly float source, int offset) => new(Vector256.LoadUnsafe(in source, (nuint)offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes Broadcast(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref float destination, int offset) => _value.StoreUnsafe(ref destination, (nuint)offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes operator +(EightLanes a, EightLanes b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes operator -(EightLanes a, EightLanes b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes operator *(EightLanes a, EightLanes b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes operator /(EightLanes a, EightLanes b) => new(a._value / b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes Fma(EightLanes a, EightLanes b, EightLanes c) => new(Vector256.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes Sqrt(EightLanes a) => new(Vector256.Sqrt(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes Max(EightLanes a, EightLanes b) => new(Avx.Max(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes Min(EightLanes a, EightLanes b) => new(Avx.Min(a._value, b._value));

    /// <summary>Added to the exponent. Not a number is converted to -2^31, which the shift leaves nothing of.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes Scale(EightLanes a, EightLanes n) => new((a._value.AsInt32() + (Avx.ConvertToVector256Int32(n._value) << 23)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes ZeroBelow(EightLanes x, EightLanes bound, EightLanes value) =>
        new(Vector256.AndNot(value._value, Vector256.LessThan(x._value, bound._value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightLanes InfinityAbove(EightLanes x, EightLanes bound, EightLanes value) =>
        new(Vector256.ConditionalSelect(Vector256.GreaterThan(x._value, bound._value), Vector256.Create(float.PositiveInfinity), value._value));
}

/// <summary>Sixteen lanes: AVX-512.</summary>
internal readonly struct SixteenLanes(Vector512<float> value) : ILanes<SixteenLanes>
{
    private readonly Vector512<float> _value = value;

    public Vector512<float> Vector => _value;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes Load(ref readonly float source, int offset) => new(Vector512.LoadUnsafe(in source, (nuint)offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref float destination, int offset) => _value.StoreUnsafe(ref destination, (nuint)offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes operator +(SixteenLanes a, SixteenLanes b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes operator -(SixteenLanes a, SixteenLanes b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes operator *(SixteenLanes a, SixteenLanes b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes operator /(SixteenLanes a, SixteenLanes b) => new(a._value / b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes Fma(SixteenLanes a, SixteenLanes b, SixteenLanes c) => new(Vector512.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes Sqrt(SixteenLanes a) => new(Vector512.Sqrt(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes Max(SixteenLanes a, SixteenLanes b) => new(Avx512F.Max(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes Min(SixteenLanes a, SixteenLanes b) => new(Avx512F.Min(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes Scale(SixteenLanes a, SixteenLanes n) => new(Avx512F.Scale(a._value, n._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes ZeroBelow(SixteenLanes x, SixteenLanes bound, SixteenLanes value) =>
        new(Vector512.AndNot(value._value, Vector512.LessThan(x._value, bound._value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenLanes InfinityAbove(SixteenLanes x, SixteenLanes bound, SixteenLanes value) =>
        new(Vector512.ConditionalSelect(Vector512.GreaterThan(x._value, bound._value), Vector512.Create(float.PositiveInfinity), value._value));
}
