using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// One row times a matrix, y [n] = x [k] B [k, n], read where it lies: every element of B is needed once, so packing it
/// would cost more than the arithmetic. The same chains, and so the same bits, as the tiles. Eight lanes on AVX-512 as well
/// where memory is what it waits for, adjacent rows or columns that share sets of a cache.
/// </summary>
internal static partial class RowProduct
{
    private const int Lanes = 8;

    /// <summary>Steps of k that one sweep over y takes, so that y is loaded and stored once for as many rows of B.</summary>
    private const int StepsOfSweep = 8;

    /// <summary>Steps of k that are transposed at a time.</summary>
    private const int StepsAtOnce = 4;

    /// <summary>Floats of a cache line.</summary>
    private const int StepsOfLine = 16;

    /// <summary>Steps by which a register of columns is ahead of the one before it: four lines at most, and one part in so many of all steps.</summary>
    private const int MostStepsApart = 4 * StepsOfLine, PartApart = 32;

    /// <summary>Bytes by which memory is asked for early, into the second-level cache.</summary>
    private const int BytesAhead = 8 * Prefetch.Line;

    /// <summary>Columns whose chains run side by side when B is adjacent along k; one register of them alone would wait for itself.</summary>
    private const int MostSideBySide = 4 * Lanes, LeastSideBySide = 2 * Lanes;

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
        else if (y.Length < LeastSideBySide) Chains(x, b, y);
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

    /// <summary>Columns of B adjacent: thirty-two at a time, then sixteen. What is left then is computed with columns before it, beside y, and only it is kept.</summary>
    private static void SideBySide(InstructionSet set, MatrixSpan x, MatrixSpan b, Span<float> y)
    {
        int left = y.Length % LeastSideBySide, whole = y.Length - left, last = y.Length - LeastSideBySide, column = 0;
        Span<float> beside = stackalloc float[LeastSideBySide];
        if (left > 0)
        {
            y[last..].CopyTo(beside);
            SixteenColumns(x, b.Block(0, b.Rows, last, LeastSideBySide), beside);
        }
        for (; column + MostSideBySide <= whole; column += MostSideBySide)
            ThirtyTwoColumns(set, x, b.Block(0, b.Rows, column, MostSideBySide), y.Slice(column, MostSideBySide));
        if (column < whole) SixteenColumns(x, b.Block(0, b.Rows, column, LeastSideBySide), y.Slice(column, LeastSideBySide));
        beside[(LeastSideBySide - left)..].CopyTo(y[whole..]);
    }

    /// <summary>
    /// Registers of columns in turn. Columns a power of two apart share a few sets of the first-level cache, which hold eight or
    /// twelve lines each, and what the processor fetches ahead would drive out what it has fetched. There each eight columns are
    /// some lines of k ahead of those before them, in sets of their own, and begin and end with fewer beside them; where the
    /// columns are too short for that, each eight have a whole line in their turn.
    /// </summary>
    private static void ThirtyTwoColumns(InstructionSet set, MatrixSpan x, MatrixSpan b, Span<float> y)
    {
        int steps = b.Rows / StepsAtOnce * StepsAtOnce, apart = Math.Min(MostStepsApart, steps / PartApart / StepsOfLine * StepsOfLine);
        if (!CacheSets.Overflow(b.ColumnStride * sizeof(float), MostSideBySide))
        {
            if (set == InstructionSet.Avx512) TwoRegistersAvx512(x, b, y, steps);
            else FourRegisters(x, b, y, steps, apart: 0);
        }
        else if (apart == 0)
        {
            steps = b.Rows / StepsOfLine * StepsOfLine;
            LineByLine(x, b, y, steps);
        }
        else
        {
            TwoRegisters(x, b, y, (2, 0), (3, 0), 2 * apart);
            TwoRegisters(x, b, y, (1, 0), (3, 2 * apart), apart);
            FourRegisters(x, b, y, steps - 3 * apart, apart);
            TwoRegisters(x, b, y, (0, steps - 3 * apart), (1, steps - 2 * apart), 2 * apart);
            TwoRegisters(x, b, y, (0, steps - apart), (2, steps - apart), apart);
        }
        LastSteps(x, b, y, steps);
    }

    private static void SixteenColumns(MatrixSpan x, MatrixSpan b, Span<float> y)
    {
        int steps = b.Rows / StepsAtOnce * StepsAtOnce;
        TwoRegisters(x, b, y, (0, 0), (1, 0), steps);
        LastSteps(x, b, y, steps);
    }

    /// <summary>The steps that are left.</summary>
    private static void LastSteps(MatrixSpan x, MatrixSpan b, Span<float> y, int done)
    {
        if (done < b.Rows) Chains(x.Block(0, 1, done, b.Rows - done), b.RowRange(done, b.Rows - done), y);
    }

    /// <summary>Some steps of each register, which is so many steps further on than the one before it.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void FourRegisters(MatrixSpan x, MatrixSpan b, Span<float> y, nint steps, nint apart)
    {
        nint stride = b.ColumnStride * (nint)sizeof(float), next = Lanes * stride + apart * sizeof(float), xStride = x.ColumnStride, xNext = apart * xStride;
        ref byte at = ref FirstByte(b);
        ref float value = ref First(x);
        Vector256<float> s0 = Vector256.Create<float>(y), s1 = Vector256.Create<float>(y[Lanes..]), s2 = Vector256.Create<float>(y[(2 * Lanes)..]), s3 = Vector256.Create<float>(y[(3 * Lanes)..]);
        for (nint turn = 0; turn < steps / StepsAtOnce; turn++)
        {
            // A line of each column lasts four turns.
            Prefetch.EightRows(ref Unsafe.Add(ref at, (turn & 3) * next + BytesAhead), stride);
            s0 = FourSteps(ref at, stride, ref value, xStride, s0);
            s1 = FourSteps(ref Unsafe.Add(ref at, next), stride, ref Unsafe.Add(ref value, xNext), xStride, s1);
            s2 = FourSteps(ref Unsafe.Add(ref at, 2 * next), stride, ref Unsafe.Add(ref value, 2 * xNext), xStride, s2);
            s3 = FourSteps(ref Unsafe.Add(ref at, 3 * next), stride, ref Unsafe.Add(ref value, 3 * xNext), xStride, s3);
            at = ref Unsafe.Add(ref at, StepsAtOnce * sizeof(float));
            value = ref Unsafe.Add(ref value, StepsAtOnce * xStride);
        }
        s0.CopyTo(y);
        s1.CopyTo(y[Lanes..]);
        s2.CopyTo(y[(2 * Lanes)..]);
        s3.CopyTo(y[(3 * Lanes)..]);
    }

    /// <summary>Whole lines of each register in turn.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void LineByLine(MatrixSpan x, MatrixSpan b, Span<float> y, int steps)
    {
        nint stride = b.ColumnStride * (nint)sizeof(float), next = Lanes * stride, xStride = x.ColumnStride;
        ref byte at = ref FirstByte(b);
        ref float value = ref First(x);
        Vector256<float> s0 = Vector256.Create<float>(y), s1 = Vector256.Create<float>(y[Lanes..]), s2 = Vector256.Create<float>(y[(2 * Lanes)..]), s3 = Vector256.Create<float>(y[(3 * Lanes)..]);
        for (int k = 0; k < steps; k += StepsOfLine)
        {
            s0 = Line(ref at, stride, ref value, xStride, s0);
            s1 = Line(ref Unsafe.Add(ref at, next), stride, ref value, xStride, s1);
            s2 = Line(ref Unsafe.Add(ref at, 2 * next), stride, ref value, xStride, s2);
            s3 = Line(ref Unsafe.Add(ref at, 3 * next), stride, ref value, xStride, s3);
            at = ref Unsafe.Add(ref at, StepsOfLine * sizeof(float));
            value = ref Unsafe.Add(ref value, StepsOfLine * xStride);
        }
        s0.CopyTo(y);
        s1.CopyTo(y[Lanes..]);
        s2.CopyTo(y[(2 * Lanes)..]);
        s3.CopyTo(y[(3 * Lanes)..]);
    }

    /// <summary>Some steps of two registers, each from a step of its own on.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void TwoRegisters(MatrixSpan x, MatrixSpan b, Span<float> y, (int Register, int Step) one, (int Register, int Step) other, int steps)
    {
        nint stride = b.ColumnStride * (nint)sizeof(float), xStride = x.ColumnStride;
        ref byte at = ref FirstByte(b.Block(one.Step, steps, one.Register * Lanes, Lanes)), next = ref FirstByte(b.Block(other.Step, steps, other.Register * Lanes, Lanes));
        ref float value = ref Unsafe.Add(ref First(x), one.Step * xStride), nextValue = ref Unsafe.Add(ref First(x), other.Step * xStride);
        Span<float> sums = y.Slice(one.Register * Lanes, Lanes), more = y.Slice(other.Register * Lanes, Lanes);
        Vector256<float> s0 = Vector256.Create<float>(sums), s1 = Vector256.Create<float>(more);
        for (int k = 0; k < steps; k += StepsAtOnce)
        {
            s0 = FourSteps(ref at, stride, ref value, xStride, s0);
            s1 = FourSteps(ref next, stride, ref nextValue, xStride, s1);
            at = ref Unsafe.Add(ref at, StepsAtOnce * sizeof(float));
            next = ref Unsafe.Add(ref next, StepsAtOnce * sizeof(float));
            value = ref Unsafe.Add(ref value, StepsAtOnce * xStride);
            nextValue = ref Unsafe.Add(ref nextValue, StepsAtOnce * xStride);
        }
        s0.CopyTo(sums);
        s1.CopyTo(more);
    }

    /// <summary>Where adjacent columns begin, or the numbers of a row. The slice proves their bounds once; loops then read without checks.</summary>
    private static ref float First(MatrixSpan columns) => ref MemoryMarshal.GetReference(columns.Data[..((columns.Columns - 1) * columns.ColumnStride + columns.Rows)]);

    private static ref byte FirstByte(MatrixSpan columns) => ref Unsafe.As<float, byte>(ref First(columns));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Line(ref byte columns, nint stride, ref float x, nint xStride, Vector256<float> sum)
    {
        sum = FourSteps(ref columns, stride, ref x, xStride, sum);
        sum = FourSteps(ref Unsafe.Add(ref columns, 4 * sizeof(float)), stride, ref Unsafe.Add(ref x, 4 * xStride), xStride, sum);
        sum = FourSteps(ref Unsafe.Add(ref columns, 8 * sizeof(float)), stride, ref Unsafe.Add(ref x, 8 * xStride), xStride, sum);
        return FourSteps(ref Unsafe.Add(ref columns, 12 * sizeof(float)), stride, ref Unsafe.Add(ref x, 12 * xStride), xStride, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> FourSteps(ref byte columns, nint stride, ref float x, nint xStride, Vector256<float> sum)
    {
        LaneColumns.LoadEight(ref columns, stride, out Vector256<int> b0, out Vector256<int> b1, out Vector256<int> b2, out Vector256<int> b3);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(x), b0.AsSingle(), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(Unsafe.Add(ref x, xStride)), b1.AsSingle(), sum);
        sum = Vector256.FusedMultiplyAdd(Vector256.Create(Unsafe.Add(ref x, 2 * xStride)), b2.AsSingle(), sum);
        return Vector256.FusedMultiplyAdd(Vector256.Create(Unsafe.Add(ref x, 3 * xStride)), b3.AsSingle(), sum);
    }
}
