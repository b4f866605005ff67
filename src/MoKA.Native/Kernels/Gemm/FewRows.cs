using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// Two to seven rows times a matrix, C [m, n] = A [m, k] B [k, n], read where it lies: an element of B is used too few
/// times to pay for packing it. The same chains, and so the same bits, as the tiles. AVX-512 alone.
/// </summary>
internal static class FewRows
{
    private const int Lanes = LaneColumns.Rows, RowsAtOnce = 4, StepsAtOnce = 4, MostRows = 7, BytesOfSteps = Lanes * StepsAtOnce * sizeof(float);

    /// <summary>The most columns at a time, where each is adjacent.</summary>
    public const int ColumnsAtOnce = 2 * Lanes;

    /// <summary>Steps for which four rows are swept over, then the others: those rows of B are still in a cache.</summary>
    private const int StepsOfSweep = 32;

    /// <summary>Steps of adjacent columns that are copied apart at a time where their distance asks for it: those of thirty-two columns fit a first-level cache.</summary>
    private const int StepsApart = 256;

    /// <summary>Whether a product is one of those; A's and B's rows, or B's columns, are adjacent.</summary>
    public static bool Suits(InstructionSet set, MatrixSpan a, MatrixSpan b) =>
        set == InstructionSet.Avx512 && a.Rows is > 1 and <= MostRows && a.ColumnStride == 1 && b.Columns >= Lanes && (b.ColumnStride == 1 || b.RowStride == 1);

    /// <summary>C = A B, or C += A B.</summary>
    public static void Run(Worker worker, MatrixSpan a, MatrixSpan b, MatrixSpan c, bool accumulate)
    {
        if (!accumulate)
            for (int i = 0; i < c.Rows; i++) c.Row(i).Clear();
        int whole = b.Columns / Lanes * Lanes, steps = a.Columns / StepsAtOnce * StepsAtOnce;
        if (b.ColumnStride == 1)
            for (int k = 0; k < steps; k += StepsOfSweep)
            {
                int some = Math.Min(StepsOfSweep, steps - k);
                for (int row = 0; row < a.Rows; row += RowsAtOnce)
                {
                    int rows = Math.Min(RowsAtOnce, a.Rows - row);
                    Sweep(a.Block(row, rows, k, some), b.Block(k, some, 0, whole), c.RowRange(row, rows));
                }
            }
        else
            for (int column = 0, some; column < whole; column += some)
            {
                some = a.Rows <= RowsAtOnce && whole - column >= ColumnsAtOnce ? ColumnsAtOnce : Lanes;
                SideBySide(worker, a, b.Block(0, steps, column, some), c.Block(0, c.Rows, column, some));
            }
        for (int i = 0; i < a.Rows; i++)
        {
            RowProduct.Run(worker.InstructionSet, a.Block(i, 1, steps, a.Columns - steps), b.Block(steps, a.Columns - steps, 0, whole), c.Row(i)[..whole], accumulate: true);
            RowProduct.Run(worker.InstructionSet, a.RowRange(i, 1), b.Block(0, b.Rows, whole, b.Columns - whole), c.Row(i)[whole..], accumulate: true);
        }
    }

    /// <summary>Rows of B adjacent: four of them are read side by side, from the first column to the last.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Sweep(MatrixSpan x, MatrixSpan b, MatrixSpan y)
    {
        int steps = b.Rows, columns = b.Columns, second = Math.Min(1, x.Rows - 1), third = Math.Min(2, x.Rows - 1), fourth = Math.Min(3, x.Rows - 1);
        nint stride = b.RowStride;
        if (columns == 0) return;
        // The slices prove the bounds once; the loops below then read and write without checks.
        ref float rows = ref MemoryMarshal.GetReference(b.Data[..((steps - 1) * b.RowStride + columns)]);
        ref float y0 = ref MemoryMarshal.GetReference(y.Row(0)[..columns]), y1 = ref MemoryMarshal.GetReference(y.Row(second)[..columns]);
        ref float y2 = ref MemoryMarshal.GetReference(y.Row(third)[..columns]), y3 = ref MemoryMarshal.GetReference(y.Row(fourth)[..columns]);
        for (int k = 0; k < steps; k += StepsAtOnce)
        {
            LaneFour<float> x0 = Four(x.Row(0)[k..]), x1 = Four(x.Row(second)[k..]), x2 = Four(x.Row(third)[k..]), x3 = Four(x.Row(fourth)[k..]);
            for (nint j = 0; j < columns; j += Lanes)
            {
                LaneFour<float> some = new(
                    Vector512.LoadUnsafe(ref Unsafe.Add(ref rows, j)), Vector512.LoadUnsafe(ref Unsafe.Add(ref rows, j + stride)),
                    Vector512.LoadUnsafe(ref Unsafe.Add(ref rows, j + 2 * stride)), Vector512.LoadUnsafe(ref Unsafe.Add(ref rows, j + 3 * stride)));
                // Rows that stand for ones that are not there are the last one again, with the same bits: all are read before any is written.
                Vector512<float> s0 = Chain(x0, some, Vector512.LoadUnsafe(ref y0, (nuint)j)), s1 = Chain(x1, some, Vector512.LoadUnsafe(ref y1, (nuint)j));
                Vector512<float> s2 = Chain(x2, some, Vector512.LoadUnsafe(ref y2, (nuint)j)), s3 = Chain(x3, some, Vector512.LoadUnsafe(ref y3, (nuint)j));
                s0.StoreUnsafe(ref y0, (nuint)j);
                s1.StoreUnsafe(ref y1, (nuint)j);
                s2.StoreUnsafe(ref y2, (nuint)j);
                s3.StoreUnsafe(ref y3, (nuint)j);
            }
            rows = ref Unsafe.Add(ref rows, StepsAtOnce * stride);
        }
    }

    /// <summary>Sixteen columns of B, each adjacent, for all rows, or thirty-two of them for at most four.</summary>
    private static void SideBySide(Worker worker, MatrixSpan x, MatrixSpan b, MatrixSpan y)
    {
        int last = x.Rows - 1, columns = b.Columns, fifth = Math.Min(RowsAtOnce, last);
        for (int k = 0; k < b.Rows; k += StepsApart)
        {
            int some = Math.Min(StepsApart, b.Rows - k), distance = b.ColumnStride * sizeof(float);
            ReadOnlySpan<byte> bytes = LaneRows.Apart(worker, MemoryMarshal.AsBytes(b.Data[k..]), columns, ref distance, some * sizeof(float));
            bool apart = distance != b.ColumnStride * sizeof(float);
            // The slices prove the bounds once; the loops then read without checks.
            ref byte at = ref MemoryMarshal.GetReference(bytes[..((columns - 1) * distance + some * sizeof(float))]);
            ref float values = ref MemoryMarshal.GetReference(x.Data.Slice(k, last * x.RowStride + some));
            // Copied apart, memory waits while a copy is used: a piece of the columns after these is asked for, as long as this one.
            ref byte next = ref Unsafe.As<float, byte>(ref Unsafe.Add(ref MemoryMarshal.GetReference(b.Data), (nint)columns * (b.ColumnStride + k)));
            if (columns > Lanes) FourRows(ref at, distance, some, apart, ref next, ref values, FourTokens.Steps(x, 0), y);
            else SevenRows(ref at, distance, some, apart, ref next, ref values, FourTokens.Steps(x, 0), ref Unsafe.Add(ref values, fifth * (nint)x.RowStride), FourTokens.Steps(x, fifth), y);
        }
    }

    /// <summary>Four steps of thirty-two columns at a time are transposed in registers and used for four rows: eight sums, which wait little for each other.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void FourRows(ref byte at, nint stride, nint steps, bool apart, ref byte next, ref float x, TokenSteps rows, MatrixSpan y)
    {
        MatrixSpan right = y.Block(0, y.Rows, Lanes, Lanes);
        LaneFour<float> sums = FourTokens.Read(y, 0), more = FourTokens.Read(right, 0);
        ref byte second = ref Unsafe.Add(ref at, Lanes * stride);
        for (nint step = 0; step < steps; step += StepsAtOnce)
        {
            if (apart)
            {
                Prefetch.FourLines(ref next);
                Prefetch.FourLines(ref Unsafe.Add(ref next, BytesOfSteps));
                next = ref Unsafe.Add(ref next, 2 * BytesOfSteps);
            }
            LaneColumns.Load(ref at, stride, out Vector512<int> b0, out Vector512<int> b1, out Vector512<int> b2, out Vector512<int> b3);
            sums = AddFour(b0, b1, b2, b3, ref Unsafe.Add(ref x, step), rows, sums);
            LaneColumns.Load(ref second, stride, out b0, out b1, out b2, out b3);
            more = AddFour(b0, b1, b2, b3, ref Unsafe.Add(ref x, step), rows, more);
            at = ref Unsafe.Add(ref at, StepsAtOnce * sizeof(float));
            second = ref Unsafe.Add(ref second, StepsAtOnce * sizeof(float));
        }
        FourTokens.Write(sums, y, 0);
        FourTokens.Write(more, right, 0);
    }

    /// <summary>Four steps of sixteen columns for up to eight rows: four from <paramref name="x"/> and four from <paramref name="fifth"/> on.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void SevenRows(ref byte at, nint stride, nint steps, bool apart, ref byte next, ref float x, TokenSteps rows, ref float fifth, TokenSteps others, MatrixSpan y)
    {
        // Of at most four rows the last takes the place of the fifth, with the same bits.
        int from = Math.Min(RowsAtOnce, y.Rows - 1);
        LaneFour<float> sums = FourTokens.Read(y, 0), more = FourTokens.Read(y, from);
        for (nint step = 0; step < steps; step += StepsAtOnce)
        {
            if (apart)
            {
                Prefetch.FourLines(ref next);
                next = ref Unsafe.Add(ref next, BytesOfSteps);
            }
            LaneColumns.Load(ref at, stride, out Vector512<int> b0, out Vector512<int> b1, out Vector512<int> b2, out Vector512<int> b3);
            sums = AddFour(b0, b1, b2, b3, ref Unsafe.Add(ref x, step), rows, sums);
            more = AddFour(b0, b1, b2, b3, ref Unsafe.Add(ref fifth, step), others, more);
            at = ref Unsafe.Add(ref at, StepsAtOnce * sizeof(float));
        }
        FourTokens.Write(sums, y, 0);
        FourTokens.Write(more, y, from);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneFour<float> AddFour(Vector512<int> b0, Vector512<int> b1, Vector512<int> b2, Vector512<int> b3, ref float x, TokenSteps rows, LaneFour<float> sums)
    {
        sums = Levels.AddTokens(b0.AsSingle(), ref x, rows, sums);
        sums = Levels.AddTokens(b1.AsSingle(), ref Unsafe.Add(ref x, 1), rows, sums);
        sums = Levels.AddTokens(b2.AsSingle(), ref Unsafe.Add(ref x, 2), rows, sums);
        return Levels.AddTokens(b3.AsSingle(), ref Unsafe.Add(ref x, 3), rows, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Chain(LaneFour<float> x, LaneFour<float> b, Vector512<float> sum) =>
        Vector512.FusedMultiplyAdd(x.D, b.D, Vector512.FusedMultiplyAdd(x.C, b.C, Vector512.FusedMultiplyAdd(x.B, b.B, Vector512.FusedMultiplyAdd(x.A, b.A, sum))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneFour<float> Four(ReadOnlySpan<float> x) => new(Vector512.Create(x[0]), Vector512.Create(x[1]), Vector512.Create(x[2]), Vector512.Create(x[3]));
}
