using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

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

    /// <summary>One number in every lane.</summary>
    static abstract TSelf Broadcast(int value);

    /// <summary>Two sums of 16 bits in each integer, which must hold them, and four products: of the first two and of the last two bytes of w, unsigned, and of p, signed.</summary>
    static abstract TSelf AddShort(TSelf sums, TSelf w, TSelf p);

    /// <summary>One sum of 32 bits in each integer and four such products, of which two neighbours fit 16.</summary>
    static abstract TSelf AddWide(TSelf sums, TSelf w, TSelf p);

    /// <summary>The two sums of 16 bits together.</summary>
    static abstract TSelf Join(TSelf sums);

    /// <summary>The magnitude of each signed byte.</summary>
    static abstract TSelf Magnitudes(TSelf bytes);

    /// <summary>Each byte with its sign turned where that of another is negative; anything where the other is 0.</summary>
    static abstract TSelf WithSigns(TSelf bytes, TSelf signs);

    /// <summary>What a table holds for each byte, 0 .. 15.</summary>
    static abstract TSelf LookUp(Vector128<sbyte> table, TSelf indices);

    /// <summary>Each integer as a float.</summary>
    TFloats ToFloats();

    /// <summary>A byte of each integer, signed; 0 is the lowest.</summary>
    TFloats SignedByte(int index);

    /// <summary>The finite half-precision number in each integer's lower half.</summary>
    TFloats LowerHalf();

    /// <summary>The one in its upper half.</summary>
    TFloats UpperHalf();
}

/// <summary>One lane: the specification.</summary>
internal readonly struct OneInteger(int value) : IIntegerLanes<OneInteger, OneLane>
{
    private readonly int _value = value;

    public static void Load(ref byte at, nint stride, out OneInteger c0, out OneInteger c1, out OneInteger c2, out OneInteger c3) => (c0, c1, c2, c3) = (Read(ref at, 0), Read(ref at, 1), Read(ref at, 2), Read(ref at, 3));

    public static OneInteger operator &(OneInteger a, int bits) => new(a._value & bits);

    public static OneInteger operator |(OneInteger a, OneInteger b) => new(a._value | b._value);

    public static OneInteger operator <<(OneInteger a, int places) => new(a._value << places);

    public static OneInteger operator >>>(OneInteger a, int places) => new(a._value >>> places);

    public static OneInteger SubtractFromBytes(OneInteger a, byte number) => new((Vector128.CreateScalar(a._value).AsByte() - Vector128.Create(number)).AsInt32()[0]);

    public static OneInteger Broadcast(int value) => new(value);

    public static OneInteger AddShort(OneInteger sums, OneInteger w, OneInteger p) => new((sums._value + Products(w, p, 0) & 0xFFFF) | (sums._value & ~0xFFFF) + (Products(w, p, 16) << 16));

    public static OneInteger AddWide(OneInteger sums, OneInteger w, OneInteger p) => new(sums._value + Products(w, p, 0) + Products(w, p, 16));

    public static OneInteger Join(OneInteger sums) => new((short)sums._value + (sums._value >> 16));

    public static OneInteger Magnitudes(OneInteger bytes) => new(Vector128.Abs(Vector128.CreateScalar(bytes._value).AsSByte()).AsInt32()[0]);

    public static OneInteger WithSigns(OneInteger bytes, OneInteger signs)
    {
        Vector128<sbyte> p = Vector128.CreateScalar(bytes._value).AsSByte(), turned = Vector128.LessThan(Vector128.CreateScalar(signs._value).AsSByte(), Vector128<sbyte>.Zero);
        return new(Vector128.ConditionalSelect(turned, -p, p).AsInt32()[0]);
    }

    /// <summary>Two neighbours.</summary>
    private static int Products(OneInteger w, OneInteger p, int place) => (byte)(w._value >> place) * (sbyte)(p._value >> place) + (byte)(w._value >> place + 8) * (sbyte)(p._value >> place + 8);

    public static OneInteger LookUp(Vector128<sbyte> table, OneInteger indices) => new(Vector128.Shuffle(table, Vector128.CreateScalar(indices._value).AsSByte()).AsInt32()[0]);

    public OneLane ToFloats() => new(_value);

    public OneLane SignedByte(int index) => new(_value << (24 - 8 * index) >> 24);

    public OneLane LowerHalf() => new((float)BitConverter.Int16BitsToHalf((short)_value));

    public OneLane UpperHalf() => new((float)BitConverter.Int16BitsToHalf((short)(_value >> 16)));

    private static OneInteger Read(ref byte at, int index) => new(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref at, index * sizeof(int))));
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
    public static EightIntegers Broadcast(int value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightIntegers AddShort(EightIntegers sums, EightIntegers w, EightIntegers p) => new((sums._value.AsInt16() + Avx2.MultiplyAddAdjacent(w._value.AsByte(), p._value.AsSByte())).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightIntegers AddWide(EightIntegers sums, EightIntegers w, EightIntegers p) => new(sums._value + Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(w._value.AsByte(), p._value.AsSByte()), Vector256<short>.One));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightIntegers Join(EightIntegers sums) => new(Avx2.MultiplyAddAdjacent(sums._value.AsInt16(), Vector256<short>.One));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightIntegers Magnitudes(EightIntegers bytes) => new(Vector256.Abs(bytes._value.AsSByte()).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightIntegers WithSigns(EightIntegers bytes, EightIntegers signs) => new(Avx2.Sign(bytes._value.AsSByte(), signs._value.AsSByte()).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static EightIntegers LookUp(Vector128<sbyte> table, EightIntegers indices) => new(Avx2.Shuffle(Vector256.Create(table, table), indices._value.AsSByte()).AsInt32());

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
    public static SixteenIntegers Broadcast(int value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenIntegers AddShort(SixteenIntegers sums, SixteenIntegers w, SixteenIntegers p) => new((sums._value.AsInt16() + Avx512BW.MultiplyAddAdjacent(w._value.AsByte(), p._value.AsSByte())).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenIntegers AddWide(SixteenIntegers sums, SixteenIntegers w, SixteenIntegers p) => new(sums._value + Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(w._value.AsByte(), p._value.AsSByte()), Vector512<short>.One));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenIntegers Join(SixteenIntegers sums) => new(Avx512BW.MultiplyAddAdjacent(sums._value.AsInt16(), Vector512<short>.One));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenIntegers Magnitudes(SixteenIntegers bytes) => new(Vector512.Abs(bytes._value.AsSByte()).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenIntegers WithSigns(SixteenIntegers bytes, SixteenIntegers signs) => new(Vector512.ConditionalSelect(Vector512.LessThan(signs._value.AsSByte(), Vector512<sbyte>.Zero), -bytes._value.AsSByte(), bytes._value.AsSByte()).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenIntegers LookUp(Vector128<sbyte> table, SixteenIntegers indices) => new(Avx512BW.Shuffle(Vector512.Create(Vector256.Create(table, table), Vector256.Create(table, table)), indices._value.AsSByte()).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SixteenLanes ToFloats() => new(Vector512.ConvertToSingle(_value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SixteenLanes SignedByte(int index) => new(Vector512.ConvertToSingle(_value << (24 - 8 * index) >> 24));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SixteenLanes LowerHalf() => new(Float16Half.Lower(_value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SixteenLanes UpperHalf() => new(Float16Half.Upper(_value));
}
