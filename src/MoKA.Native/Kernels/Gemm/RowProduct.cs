using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// One row times a matrix, y [n] = x [k] B [k, n], read where it lies: every element of B is needed once, so packing it
/// would cost more than the arithmetic. The same chains, and so the same bits, as the tiles. Adjacent rows are swept over in
/// eight lanes on AVX-512 as well, since memory is what they wait for; adjacent columns are <see cref="NumberRows"/>.
/// </summary>
internal static class RowProduct
{
    private const int Lanes = 8;

    /// <summary>Steps of k that one sweep over y takes, so that y is loaded and stored once for as many rows of B.</summary>
    private const int StepsOfSweep = 8;

    /// <summary>Floats of y that stay in a first-level cache from sweep to sweep.</summary>
    private const int ColumnsOfSweep = 4096;

    /// <summary>y = x B or y += x B, x [1, k], B [k, n] with adjacent rows or columns, y adjacent.</summary>
    public static void Run(InstructionSet set, MatrixSpan x, MatrixSpan b, Span<float> y, bool accumulate)
    {
        if (!accumulate) y.Clear();
        if (x.Columns == 0) return;
        if (set == InstructionSet.Scalar || (b.ColumnStride != 1 && b.RowStride != 1)) Chains(x, b, y);
        else if (b.ColumnStride == 1)
            for (int column = 0; column < y.Length; column += ColumnsOfSweep)
            {
                int some = Math.Min(ColumnsOfSweep, y.Length - column);
                Sweep(x, b.Block(0, b.Rows, column, some), y.Slice(column, some));
            }
        else if (y.Length < NumberRows.Least) Chains(x, b, y);
        else SideBySide(set, x, b, y);
    }

    /// <summary>The specification: y[j] = fma(x[k], B[k, j], y[j]), k ascending; eight columns in turn hide the wait for each.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Chains(MatrixSpan x, MatrixSpan b, Span<float> y)
    {
        for (int first = 0; first < y.Length; first += Lanes)
            for (int k = 0; k < b.Rows; k++)
                for (int j = first; j < Math.Min(first + Lanes, y.Length); j++) y[j] = MathF.FusedMultiplyAdd(x.At(0, k), b.At(k, j), y[j]);
    }

    /// <summary>Rows of B adjacent: eight of them are read side by side, from the first column to the last.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Sweep(MatrixSpan x, MatrixSpan b, Span<float> y)
    {
        int whole = y.Length / Lanes * Lanes, stride = b.RowStride, k = 0;
        // The slices prove the bounds once; the loops below then read and write without checks.
        ref float rows = ref MemoryMarshal.GetReference(b.Data[..((b.Rows - 1) * stride + y.Length)]);
        ref float sums = ref MemoryMarshal.GetReference(y);
        for (; k + StepsOfSweep <= b.Rows; k += StepsOfSweep)
        {
            Vector256<float> x0 = Vector256.Create(x.At(0, k)), x1 = Vector256.Create(x.At(0, k + 1)), x2 = Vector256.Create(x.At(0, k + 2)), x3 = Vector256.Create(x.At(0, k + 3));
            Vector256<float> x4 = Vector256.Create(x.At(0, k + 4)), x5 = Vector256.Create(x.At(0, k + 5)), x6 = Vector256.Create(x.At(0, k + 6)), x7 = Vector256.Create(x.At(0, k + 7));
            ref float row = ref Unsafe.Add(ref rows, k * stride);
            ref float upper = ref Unsafe.Add(ref row, 4 * stride);
            for (int j = 0; j < whole; j += Lanes)
            {
                Vector256<float> sum = Vector256.LoadUnsafe(ref sums, (nuint)j);
                sum = Vector256.FusedMultiplyAdd(x0, Vector256.LoadUnsafe(ref row, (nuint)j), sum);
                sum = Vector256.FusedMultiplyAdd(x1, Vector256.LoadUnsafe(ref row, (nuint)(j + stride)), sum);
                sum = Vector256.FusedMultiplyAdd(x2, Vector256.LoadUnsafe(ref row, (nuint)(j + 2 * stride)), sum);
                sum = Vector256.FusedMultiplyAdd(x3, Vector256.LoadUnsafe(ref row, (nuint)(j + 3 * stride)), sum);
                sum = Vector256.FusedMultiplyAdd(x4, Vector256.LoadUnsafe(ref upper, (nuint)j), sum);
                sum = Vector256.FusedMultiplyAdd(x5, Vector256.LoadUnsafe(ref upper, (nuint)(j + stride)), sum);
                sum = Vector256.FusedMultiplyAdd(x6, Vector256.LoadUnsafe(ref upper, (nuint)(j + 2 * stride)), sum);
                sum = Vector256.FusedMultiplyAdd(x7, Vector256.LoadUnsafe(ref upper, (nuint)(j + 3 * stride)), sum);
                sum.StoreUnsafe(ref sums, (nuint)j);
            }
            Chains(x.Block(0, 1, k, StepsOfSweep), b.Block(k, StepsOfSweep, whole, y.Length - whole), y[whole..]);
        }
        for (; k < b.Rows; k++)
        {
            Vector256<float> xk = Vector256.Create(x.At(0, k));
            for (int j = 0; j < whole; j += Lanes)
                Vector256.FusedMultiplyAdd(xk, Vector256.LoadUnsafe(ref rows, (nuint)(k * stride + j)), Vector256.LoadUnsafe(ref sums, (nuint)j)).StoreUnsafe(ref sums, (nuint)j);
            Chains(x.Block(0, 1, k, 1), b.Block(k, 1, whole, y.Length - whole), y[whole..]);
        }
    }

    /// <summary>Columns of B adjacent: they are rows of Bᵀ. The steps that are left after whole pieces follow.</summary>
    private static void SideBySide(InstructionSet set, MatrixSpan x, MatrixSpan b, Span<float> y)
    {
        int pieces = b.Rows / Floats.OfPiece, done = pieces * Floats.OfPiece;
        // The slice proves the bounds of all that is read of B.
        ref float columns = ref MemoryMarshal.GetReference(b.Data[..((b.Columns - 1) * b.ColumnStride + b.Rows)]);
        if (pieces > 0) NumberRows.Multiply<Floats>(set, ref Unsafe.As<float, byte>(ref columns), b.ColumnStride * (nint)sizeof(float), pieces, x, new MatrixSpan(y, 1, y.Length));
        if (done < b.Rows) Chains(x.Block(0, 1, done, b.Rows - done), b.RowRange(done, b.Rows - done), y);
    }
}
