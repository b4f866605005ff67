using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// One row times a matrix, y [n] = x [k] B [k, n], read where it lies: every element of B is needed once, so packing it
/// would cost more than the arithmetic. The same chains, and so the same bits, as the tiles. Where rows are adjacent, eight lanes
/// on AVX-512 as well: memory is what it waits for.
/// </summary>
internal static partial class RowProduct
{
    private const int Lanes = 8;

    /// <summary>Steps of k that one sweep over y takes, so that y is loaded and stored once for as many rows of B.</summary>
    private const int StepsOfSweep = 8;

    /// <summary>Floats of a cache line.</summary>
    private const int StepsOfLine = 16;

    /// <summary>Columns whose chains run side by side when B is adjacent along k; one chain alone would wait for itself.</summary>
    private const int ColumnsSideBySide = 4 * Lanes;

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
        else
        {
            int whole = y.Length / ColumnsSideBySide * ColumnsSideBySide;
            for (int column = 0; column < whole; column += ColumnsSideBySide)
            {
                MatrixSpan some = b.Block(0, b.Rows, column, ColumnsSideBySide);
                if (set == InstructionSet.Avx512 && b.ColumnStride * sizeof(float) % AliasingDistance != 0) SideBySideAvx512(x, some, y.Slice(column, ColumnsSideBySide));
                else SideBySide(x, some, y.Slice(column, ColumnsSideBySide));
            }
            if (y.Length - whole >= ColumnsSideBySide / 2)
            {
                HalfAsManySideBySide(x, b.Block(0, b.Rows, whole, ColumnsSideBySide / 2), y.Slice(whole, ColumnsSideBySide / 2));
                whole += ColumnsSideBySide / 2;
            }
            Chains(x, b.Block(0, b.Rows, whole, y.Length - whole), y[whole..]);
        }
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

    /// <summary>Columns of B adjacent: four steps of eight columns are transposed in registers, then used one after another.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void SideBySide(MatrixSpan x, MatrixSpan b, Span<float> y)
    {
        int stride = b.ColumnStride, k = 0;
        // The slice proves the bounds once; the loop below then reads without checks.
        ref float columns = ref MemoryMarshal.GetReference(b.Data[..((ColumnsSideBySide - 1) * stride + b.Rows)]);
        ref float second = ref Unsafe.Add(ref columns, Lanes * stride), third = ref Unsafe.Add(ref second, Lanes * stride), fourth = ref Unsafe.Add(ref third, Lanes * stride);
        Vector256<float> s0 = Vector256.Create<float>(y), s1 = Vector256.Create<float>(y[Lanes..]), s2 = Vector256.Create<float>(y[(2 * Lanes)..]), s3 = Vector256.Create<float>(y[(3 * Lanes)..]);
        for (; k + StepsOfLine <= b.Rows; k += StepsOfLine)
        {
            ReadOnlySpan<float> steps = x.Data.Slice(k * x.ColumnStride, (StepsOfLine - 1) * x.ColumnStride + 1);
            s0 = Line(ref columns, k, stride, steps, x.ColumnStride, s0);
            s1 = Line(ref second, k, stride, steps, x.ColumnStride, s1);
            s2 = Line(ref third, k, stride, steps, x.ColumnStride, s2);
            s3 = Line(ref fourth, k, stride, steps, x.ColumnStride, s3);
        }
        s0.CopyTo(y);
        s1.CopyTo(y[Lanes..]);
        s2.CopyTo(y[(2 * Lanes)..]);
        s3.CopyTo(y[(3 * Lanes)..]);
        Chains(x.Block(0, 1, k, b.Rows - k), b.RowRange(k, b.Rows - k), y);
    }

    /// <summary>The same for the last sixteen columns: attention's blocks of 84 keys have them.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void HalfAsManySideBySide(MatrixSpan x, MatrixSpan b, Span<float> y)
    {
        int stride = b.ColumnStride, k = 0;
        // The slice proves the bounds once; the loop below then reads without checks.
        ref float columns = ref MemoryMarshal.GetReference(b.Data[..((2 * Lanes - 1) * stride + b.Rows)]);
        Vector256<float> s0 = Vector256.Create<float>(y), s1 = Vector256.Create<float>(y[Lanes..]);
        for (; k + StepsOfLine <= b.Rows; k += StepsOfLine)
        {
            ReadOnlySpan<float> steps = x.Data.Slice(k * x.ColumnStride, (StepsOfLine - 1) * x.ColumnStride + 1);
            s0 = Line(ref columns, k, stride, steps, x.ColumnStride, s0);
            s1 = Line(ref Unsafe.Add(ref columns, Lanes * stride), k, stride, steps, x.ColumnStride, s1);
        }
        s0.CopyTo(y);
        s1.CopyTo(y[Lanes..]);
        Chains(x.Block(0, 1, k, b.Rows - k), b.RowRange(k, b.Rows - k), y);
    }

    /// <summary>All steps that lie in one cache line of each of eight columns: where columns are a power of two apart, few lines fit the cache at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Line(ref float columns, int k, int stride, ReadOnlySpan<float> x, int xStride, Vector256<float> sum)
    {
        for (int p = 0; p < StepsOfLine; p += 4)
        {
            (Vector256<float> b0, Vector256<float> b1, Vector256<float> b2, Vector256<float> b3) = Packing.FourStepsOfEightColumns(ref columns, k + p, stride);
            sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[p * xStride]), b0, sum);
            sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[(p + 1) * xStride]), b1, sum);
            sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[(p + 2) * xStride]), b2, sum);
            sum = Vector256.FusedMultiplyAdd(Vector256.Create(x[(p + 3) * xStride]), b3, sum);
        }
        return sum;
    }
}
