using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

/// <summary>How lanes of 32 bits, each four codes of a row, keep the sums of a block: as two numbers of 16 bits while those hold them, else as one.</summary>
internal static class Int8Sums
{
    /// <summary>Two sums of 16 bits a lane and the products of a group, which they must hold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> AddShort(Vector256<int> sums, Vector256<byte> w, Vector256<sbyte> p) => (sums.AsInt16() + Avx2.MultiplyAddAdjacent(w, p)).AsInt32();

    /// <summary>Both of them together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Join(Vector256<int> sums) => Avx2.MultiplyAddAdjacent(sums.AsInt16(), Vector256<short>.One);

    /// <summary>One sum of 32 bits a lane and the products of a group, any two of which fit 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> AddWide(Vector256<int> sums, Vector256<byte> w, Vector256<sbyte> p) => sums + Join(Avx2.MultiplyAddAdjacent(w, p).AsInt32());

    /// <summary>Two sums of 16 bits a lane and the products of a group, which they must hold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> AddShort(Vector512<int> sums, Vector512<byte> w, Vector512<sbyte> p) => (sums.AsInt16() + Avx512BW.MultiplyAddAdjacent(w, p)).AsInt32();

    /// <summary>Both of them together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Join(Vector512<int> sums) => Avx512BW.MultiplyAddAdjacent(sums.AsInt16(), Vector512<short>.One);

    /// <summary>One sum of 32 bits a lane and the products of a group, any two of which fit 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> AddWide(Vector512<int> sums, Vector512<byte> w, Vector512<sbyte> p) => sums + Join(Avx512BW.MultiplyAddAdjacent(w, p).AsInt32());
}
