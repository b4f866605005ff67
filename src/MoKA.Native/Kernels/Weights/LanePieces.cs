using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>Four registers of sixteen lanes: one integer, one scale or one sum of each of 64 rows.</summary>
internal readonly struct LaneFour<T>(Vector512<T> a, Vector512<T> b, Vector512<T> c, Vector512<T> d)
{
    public readonly Vector512<T> A = a, B = b, C = c, D = d;
}

/// <summary>Four registers of eight lanes: one number after another of each of eight rows.</summary>
internal readonly struct EightFour(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
{
    public readonly Vector256<float> A = a, B = b, C = c, D = d;

    /// <summary>The sum of each row and its four numbers × four of x, in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> Add(ref float x, Vector256<float> sum)
    {
        sum = Vector256.FusedMultiplyAdd(A, Vector256.Create(x), sum);
        sum = Vector256.FusedMultiplyAdd(B, Vector256.Create(Unsafe.Add(ref x, 1)), sum);
        sum = Vector256.FusedMultiplyAdd(C, Vector256.Create(Unsafe.Add(ref x, 2)), sum);
        return Vector256.FusedMultiplyAdd(D, Vector256.Create(Unsafe.Add(ref x, 3)), sum);
    }
}

/// <summary>How many floats behind the first of four tokens the others' numbers lie. With fewer tokens some are the last one again.</summary>
internal readonly record struct TokenSteps(nint Second, nint Third, nint Fourth);

/// <summary>The rows of four tokens that are used side by side, from a row of a matrix on. One that is not there is the last one again, with the same bits.</summary>
internal static class FourTokens
{
    /// <summary>How far behind the first of them the others lie.</summary>
    public static TokenSteps Steps(MatrixSpan x, int row) => new((At(x, row, 1) - row) * x.RowStride, (At(x, row, 2) - row) * x.RowStride, (At(x, row, 3) - row) * x.RowStride);

    /// <summary>The first sixteen columns of each.</summary>
    public static LaneFour<float> Read(MatrixSpan y, int row) => new(
        Vector512.Create<float>(y.Row(row)), Vector512.Create<float>(y.Row(At(y, row, 1))), Vector512.Create<float>(y.Row(At(y, row, 2))), Vector512.Create<float>(y.Row(At(y, row, 3))));

    public static void Write(LaneFour<float> sums, MatrixSpan y, int row)
    {
        sums.A.CopyTo(y.Row(row));
        sums.B.CopyTo(y.Row(At(y, row, 1)));
        sums.C.CopyTo(y.Row(At(y, row, 2)));
        sums.D.CopyTo(y.Row(At(y, row, 3)));
    }

    private static int At(MatrixSpan matrix, int row, int behind) => Math.Min(row + behind, matrix.Rows - 1);
}

/// <summary>What 16 bytes of a row stand for, with rows in the lanes of registers of sixteen or of eight.</summary>
internal interface ILanePiece
{
    /// <summary>How many weights.</summary>
    static abstract int Weights { get; }

    /// <summary>On AVX-512, the sums and weight × x for the weights of each lane, in order; integers c0 .. c3 are the row's bytes.</summary>
    static abstract LaneFour<float> Add(LaneFour<int> c0, LaneFour<int> c1, LaneFour<int> c2, LaneFour<int> c3, Vector512<float> table, LaneFour<float> scales, ref float x, LaneFour<float> sums);

    /// <summary>The same for sixteen rows and four tokens, whose x lie so many floats behind the first one's: each weight is made once for all.</summary>
    static abstract LaneFour<float> AddTokens(Vector512<int> c0, Vector512<int> c1, Vector512<int> c2, Vector512<int> c3, Vector512<float> table, Vector512<float> scale, ref float x, TokenSteps steps, LaneFour<float> sums);

    /// <summary>
    /// The codes of eight rows in the order of x, a byte each, <see cref="Weights"/> / 4 registers <paramref name="apart"/> from each
    /// other: in each half, four codes of row 0 to 3 in turn, of row 4 to 7 in the other. The registers c0 .. c3 hold the rows' bytes so.
    /// </summary>
    static abstract void Order(Vector256<byte> c0, Vector256<byte> c1, Vector256<byte> c2, Vector256<byte> c3, ref Vector256<byte> to, nint apart);

    /// <summary>What the four codes of each row in such a register stand for, before the scale; a table is four planes of bytes.</summary>
    static abstract EightFour Unscaled(Vector256<byte> codes, ref Vector256<byte> planes);
}

/// <summary>Q4_0 and IQ4_NL: 4-bit codes, the low halves of all bytes, then the high halves. A code's level is looked up and scaled.</summary>
internal readonly partial struct LowThenHighHalves : ILanePiece
{
    public static int Weights => 32;
}

/// <summary>NF4 and FP4: 4-bit codes, the high half of each byte, then its low half.</summary>
internal readonly partial struct HighThenLowHalves : ILanePiece
{
    public static int Weights => 32;
}

/// <summary>Q8_0: signed bytes.</summary>
internal readonly partial struct SignedBytes : ILanePiece
{
    public static int Weights => 16;
}
