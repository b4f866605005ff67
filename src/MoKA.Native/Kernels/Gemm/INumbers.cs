using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>How the numbers of a matrix lie in 16 bytes of a row, which <see cref="LaneColumns"/> puts into the lanes of four registers.</summary>
internal interface INumbers
{
    /// <summary>Numbers in 16 bytes.</summary>
    static abstract int OfPiece { get; }

    /// <summary>The sums of eight rows and each row's numbers × those of x, which lie so many floats apart, one after another.</summary>
    static abstract Vector256<float> Add(Vector256<int> c0, Vector256<int> c1, Vector256<int> c2, Vector256<int> c3, ref float x, nint apart, Vector256<float> sum);

    /// <summary>The same for sixteen rows.</summary>
    static abstract Vector512<float> Add(Vector512<int> c0, Vector512<int> c1, Vector512<int> c2, Vector512<int> c3, ref float x, nint apart, Vector512<float> sum);
}

/// <summary>Floats.</summary>
internal readonly struct Floats : INumbers
{
    public static int OfPiece => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<int> c0, Vector256<int> c1, Vector256<int> c2, Vector256<int> c3, ref float x, nint apart, Vector256<float> sum)
    {
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x), c0.AsSingle(), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(Unsafe.Add(ref x, apart)), c1.AsSingle(), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(Unsafe.Add(ref x, 2 * apart)), c2.AsSingle(), sum);
        return Vector256.FusedMultiplyAdd(Vector256.Create(Unsafe.Add(ref x, 3 * apart)), c3.AsSingle(), sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<int> c0, Vector512<int> c1, Vector512<int> c2, Vector512<int> c3, ref float x, nint apart, Vector512<float> sum)
    {
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(x), c0.AsSingle(), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref x, apart)), c1.AsSingle(), sum);
        sum = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref x, 2 * apart)), c2.AsSingle(), sum);
        return Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref x, 3 * apart)), c3.AsSingle(), sum);
    }
}
