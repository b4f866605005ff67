using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// Two to sixteen rows times a matrix, C [m, n] = A [m, k] B [k, n], read where it lies: an element of B is used too few
/// times to pay for packing it. The same chains, and so the same bits, as the tiles. AVX-512 and AVX2.
/// </summary>
internal static partial class FewRows
{
    private const int StepsAtOnce = 4, RowsSideBySide = 4;

    /// <summary>The most rows where B's columns are adjacent, and where its rows are: more pay for a packed B.</summary>
    private const int MostSideBySide = 2 * RowsSideBySide, MostSwept = 16;

    /// <summary>What is swept over for a few rows, then for the next: a second-level cache still holds it.</summary>
    private const int StepsOfSweep = 32, ColumnsOfSweep = 768;

    /// <summary>Steps by which a sweep asks for memory early.</summary>
    private const int StepsAhead = 8;

    /// <summary>Steps of adjacent columns that are copied apart at a time where their distance asks for it: those of thirty-two columns fit a first-level cache.</summary>
    private const int StepsApart = 256;

    /// <summary>Columns that are read together, at most, where each is adjacent.</summary>
    public const int ColumnsAtOnce = 32;

    /// <summary>Whether a product is one of those; A's and B's rows, or B's columns, are adjacent.</summary>
    public static bool Suits(InstructionSet set, MatrixSpan a, MatrixSpan b) =>
        InPlaceProduct.Can(set, b.Columns) && a.Rows > 1 && a.ColumnStride == 1 &&
        (b.ColumnStride == 1 ? a.Rows <= MostSwept : b.RowStride == 1 && a.Rows <= MostSideBySide);

    /// <summary>Columns <paramref name="first"/> .. first + <paramref name="some"/> of C = A B, or of C += A B.</summary>
    public static void Run(Worker worker, MatrixSpan a, MatrixSpan b, MatrixSpan c, int first, int some, bool accumulate)
    {
        int lanes = GemmTile.Lanes(worker.InstructionSet), whole = some / lanes * lanes, left = some - whole, end = first + some;
        if (!accumulate)
            for (int i = 0; i < c.Rows; i++) c.Row(i).Slice(first, some).Clear();
        Add(worker, a, b.Block(0, b.Rows, first, whole), c.Block(0, c.Rows, first, whole));
        if (left == 0) return;
        // Fewer columns than lanes are computed with those before them, beside C, and only they are kept.
        MatrixSpan beside = new(worker.Scratch(ScratchSlot.EdgeTile, c.Rows * lanes), c.Rows, lanes), kept = beside.Block(0, c.Rows, lanes - left, left), last = c.Block(0, c.Rows, end - left, left);
        BlockCopy.Run(last, kept);
        Add(worker, a, b.Block(0, b.Rows, end - lanes, lanes), beside);
        BlockCopy.Run(kept, last);
    }

    /// <summary>C += A B for whole registers of columns.</summary>
    private static void Add(Worker worker, MatrixSpan a, MatrixSpan b, MatrixSpan c)
    {
        int steps = a.Columns / StepsAtOnce * StepsAtOnce, lanes = GemmTile.Lanes(worker.InstructionSet);
        for (int column = 0, some; column < b.Columns; column += some)
        {
            some = b.ColumnStride == 1 ? Math.Min(ColumnsOfSweep, b.Columns - column) : a.Rows <= RowsSideBySide && b.Columns - column >= 2 * lanes ? 2 * lanes : lanes;
            MatrixSpan from = b.Block(0, steps, column, some), to = c.Block(0, c.Rows, column, some);
            if (b.ColumnStride == 1) Sweep(worker, a, from, to);
            else SideBySide(worker, a, from, to);
        }
        for (int i = 0; i < a.Rows; i++)
            RowProduct.Run(worker.InstructionSet, a.Block(i, 1, steps, a.Columns - steps), b.RowRange(steps, a.Columns - steps), c.Row(i), accumulate: true);
    }

    /// <summary>Rows of B adjacent: some of them for all rows of A, a few at a time, then the next.</summary>
    private static void Sweep(Worker worker, MatrixSpan a, MatrixSpan b, MatrixSpan c)
    {
        InstructionSet set = worker.InstructionSet;
        int rowsAtOnce = set == InstructionSet.Avx512 ? 4 : 2;
        // Rows of C that do not all begin on a line share lines with another thread's columns: sums are then kept apart until they are done.
        bool apart = c.RowStride * sizeof(float) % Prefetch.Line != 0;
        MatrixSpan sums = apart ? new(worker.Scratch(ScratchSlot.PanelOfB, c.Rows * c.Columns), c.Rows, c.Columns) : c;
        if (apart) BlockCopy.Run(c, sums);
        for (int k = 0; k < b.Rows; k += StepsOfSweep)
        {
            MatrixSpan steps = b.RowRange(k, Math.Min(StepsOfSweep, b.Rows - k));
            for (int row = 0; row < a.Rows; row += rowsAtOnce)
            {
                int rows = Math.Min(rowsAtOnce, a.Rows - row);
                MatrixSpan x = a.Block(row, rows, k, steps.Rows), y = sums.RowRange(row, rows);
                if (set == InstructionSet.Avx512) SweepFour(x, steps, y, ahead: row == 0);
                else SweepTwo(x, steps, y, ahead: row == 0);
            }
        }
        if (apart) BlockCopy.Run(sums, c);
    }

    /// <summary>A register of columns of B, each adjacent, for all rows, or two of them for at most four.</summary>
    private static void SideBySide(Worker worker, MatrixSpan a, MatrixSpan b, MatrixSpan c)
    {
        InstructionSet set = worker.InstructionSet;
        int columns = b.Columns;
        bool pair = columns > GemmTile.Lanes(set);
        for (int k = 0; k < b.Rows; k += StepsApart)
        {
            MatrixSpan x = a.Block(0, a.Rows, k, Math.Min(StepsApart, b.Rows - k));
            int distance = b.ColumnStride * sizeof(float);
            ReadOnlySpan<byte> bytes = LaneRows.Apart(worker, MemoryMarshal.AsBytes(b.Data[k..]), columns, ref distance, x.Columns * sizeof(float));
            bool apart = distance != b.ColumnStride * sizeof(float);
            // The slice proves the bounds once; the loops then read without checks.
            ref byte at = ref MemoryMarshal.GetReference(bytes[..((columns - 1) * distance + x.Columns * sizeof(float))]);
            // Copied apart, memory waits while a copy is used: a piece of the columns after these is asked for, as long as this one.
            ref byte next = ref Unsafe.As<float, byte>(ref Unsafe.Add(ref MemoryMarshal.GetReference(b.Data), (nint)columns * (b.ColumnStride + k)));
            if (set == InstructionSet.Avx512)
            {
                if (pair) ThirtyTwoColumns(ref at, distance, apart, ref next, x, c);
                else SixteenColumns(ref at, distance, apart, ref next, x, c);
            }
            else if (pair) SixteenColumnsAvx2(ref at, distance, apart, ref next, x, c);
            else EightColumns(ref at, distance, apart, ref next, x, c);
        }
    }
}
