using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// A register of 32-bit integers, or of four bytes in each of them, of one width: what <see cref="ILanes{TSelf}"/> is for
/// floats. Conversions to <typeparamref name="TFloats"/> are exact, so all widths give the same bits.
/// </summary>
internal interface IIntegerLanes<TSelf, TFloats>
    where TSelf : unmanaged, IIntegerLanes<TSelf, TFloats>
    where TFloats : struct, ILanes<TFloats>
{
    /// <summary>16 bytes of each of as many rows as there are lanes: register i holds integer i of every row.</summary>
    static abstract void Load(ref byte at, nint stride, out TSelf c0, out TSelf c1, out TSelf c2, out TSelf c3);

    static abstract TSelf operator &(TSelf a, int bits);

    static abstract TSelf operator |(TSelf a, TSelf b);

    static abstract TSelf operator <<(TSelf a, int places);

    static abstract TSelf operator >>>(TSelf a, int places);

    /// <summary>Each byte less a number.</summary>
    static abstract TSelf SubtractFromBytes(TSelf a, byte number);

    /// <summary>Each integer as a float.</summary>
    TFloats ToFloats();

    /// <summary>A byte of each integer, signed; 0 is the lowest.</summary>
    TFloats SignedByte(int index);

    /// <summary>The finite half-precision number in each integer's lower half.</summary>
    TFloats LowerHalf();

    /// <summary>The one in its upper half.</summary>
    TFloats UpperHalf();
}

/// <summary>Eight lanes: AVX2.</summary>
internal readonly struct EightIntegers(Vector256<int> value) : IIntegerLanes<EightIntegers, EightLanes>
{
    private readonly Vector256<int> _value = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(ref byte at, nint stride, out EightIntegers c0, out EightIntegers c1, out EightIntegers c2, out EightIntegers c3)
    {
        LaneColumns.LoadEight(ref at, stride, out Vector256<int> r0, out Vector256<int> r1, out Vector256<int> r2, out Vector256<int> r3);
        (c0, c1, c2, c3) = (new(r0), new(r1), new(r2), new(r3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightIntegers operator &(EightIntegers a, int bits) => new(a._value & Vector256.Create(bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightIntegers operator |(EightIntegers a, EightIntegers b) => new(a._value | b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightIntegers operator <<(EightIntegers a, int places) => new(a._value << places);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightIntegers operator >>>(EightIntegers a, int places) => new(a._value >>> places);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightIntegers SubtractFromBytes(EightIntegers a, byte number) => new((a._value.AsByte() - Vector256.Create(number)).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public EightLanes ToFloats() => new(Vector256.ConvertToSingle(_value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public EightLanes SignedByte(int index) => new(Vector256.ConvertToSingle(_value << (24 - 8 * index) >> 24));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public EightLanes LowerHalf() => new(Float16Half.Lower(_value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public EightLanes UpperHalf() => new(Float16Half.Upper(_value));
}

/// <summary>Sixteen lanes: AVX-512.</summary>
internal readonly struct SixteenIntegers(Vector512<int> value) : IIntegerLanes<SixteenIntegers, SixteenLanes>
{
    private readonly Vector512<int> _value = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(ref byte at, nint stride, out SixteenIntegers c0, out SixteenIntegers c1, out SixteenIntegers c2, out SixteenIntegers c3)
    {
        LaneColumns.Load(ref at, stride, out Vector512<int> r0, out Vector512<int> r1, out Vector512<int> r2, out Vector512<int> r3);
        (c0, c1, c2, c3) = (new(r0), new(r1), new(r2), new(r3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenIntegers operator &(SixteenIntegers a, int bits) => new(a._value & Vector512.Create(bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenIntegers operator |(SixteenIntegers a, SixteenIntegers b) => new(a._value | b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenIntegers operator <<(SixteenIntegers a, int places) => new(a._value << places);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenIntegers operator >>>(SixteenIntegers a, int places) => new(a._value >>> places);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenIntegers SubtractFromBytes(SixteenIntegers a, byte number) => new((a._value.AsByte() - Vector512.Create(number)).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SixteenLanes ToFloats() => new(Vector512.ConvertToSingle(_value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SixteenLanes SignedByte(int index) => new(Vector512.ConvertToSingle(_value << (24 - 8 * index) >> 24));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SixteenLanes LowerHalf() => new(Float16Half.Lower(_value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SixteenLanes UpperHalf() => new(Float16Half.Upper(_value));
}
