using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>Sixteen bytes of each of as many rows as a register has lanes, side by side: four registers, in each an integer of every row.</summary>
internal readonly struct LaneRun<TIntegers, TFloats>(TIntegers a, TIntegers b, TIntegers c, TIntegers d)
    where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
    where TFloats : struct, ILanes<TFloats>
{
    public readonly TIntegers A = a, B = b, C = c, D = d;

    /// <summary>Reads rows that lie <paramref name="stride"/> bytes apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneRun<TIntegers, TFloats> Load(ref byte at, nint stride)
    {
        TIntegers.Load(ref at, stride, out TIntegers a, out TIntegers b, out TIntegers c, out TIntegers d);
        return new(a, b, c, d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneRun<TIntegers, TFloats> operator &(LaneRun<TIntegers, TFloats> run, int bits) => new(run.A & bits, run.B & bits, run.C & bits, run.D & bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneRun<TIntegers, TFloats> operator |(LaneRun<TIntegers, TFloats> x, LaneRun<TIntegers, TFloats> y) => new(x.A | y.A, x.B | y.B, x.C | y.C, x.D | y.D);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneRun<TIntegers, TFloats> operator <<(LaneRun<TIntegers, TFloats> run, int places) => new(run.A << places, run.B << places, run.C << places, run.D << places);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static LaneRun<TIntegers, TFloats> operator >>>(LaneRun<TIntegers, TFloats> run, int places) => new(run.A >>> places, run.B >>> places, run.C >>> places, run.D >>> places);
}

/// <summary>What codes of blocks are handed to, a byte each.</summary>
internal interface ICodes<TIntegers, TFloats>
    where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
    where TFloats : struct, ILanes<TFloats>
{
    /// <summary>Takes the sixteen codes of a run.</summary>
    void Put(nint run, LaneRun<TIntegers, TFloats> codes);
}

/// <summary>Codes written to memory: a register for every four weights, so many registers apart.</summary>
internal readonly ref struct CodesInMemory<TIntegers, TFloats>(ref TIntegers first, nint apart) : ICodes<TIntegers, TFloats>
    where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
    where TFloats : struct, ILanes<TFloats>
{
    private const int RegistersOfRun = 4;

    private readonly ref TIntegers _first = ref first;
    private readonly nint _apart = apart;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put(nint run, LaneRun<TIntegers, TFloats> codes)
    {
        ref TIntegers to = ref Unsafe.Add(ref _first, RegistersOfRun * run * _apart);
        to = codes.A;
        Unsafe.Add(ref to, _apart) = codes.B;
        Unsafe.Add(ref to, 2 * _apart) = codes.C;
        Unsafe.Add(ref to, 3 * _apart) = codes.D;
    }
}
