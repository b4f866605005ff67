using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// C = A B, or C += A B, with both operands read where they lie. Packing pays when an element is used for many others; a
/// Kronecker factor has a few dozen rows and columns, and copying the tall operand would cost more than multiplying it. The
/// same chains, and so the same bits, as the product of packed panels. On AVX-512 and AVX2; the scalar set packs.
/// </summary>
internal static class InPlaceProduct
{
    /// <summary>Wider matrices use packed rows often enough to pay for them.</summary>
    private const int MostColumns = 256;

    /// <summary>So few steps of k take less time than packing their rows, however wide the matrix is.</summary>
    private const int FewSteps = 16;

    /// <summary>The most floats of B: half of a small second-level cache, since every tile of rows reads it again.</summary>
    private const int MostOfB = 1 << 17;

    /// <summary>
    /// The most floats of a B that a few rows read where it lies, what a second-level cache holds: from farther away, a few lines of
    /// each row at a time come much slower than copying takes.
    /// </summary>
    private const int MostOfWideB = 1 << 18;

    /// <summary>Rows so far apart, or multiples of it, fall on the same few sets of a first-level cache and push each other out.</summary>
    private const int FloatsOfCacheWay = 1024;

    private const int FloatsOfLine = 16;

    /// <summary>Steps of k further apart than this are a new page of memory every other step.</summary>
    private const int FarthestStep = 512;

    /// <summary>Steps of k that are copied apart at a time when A's rows are so far apart: a sixth of a first-level cache for a tall tile's rows.</summary>
    private const int StepsApart = 128;

    /// <summary>Rows of A that make a product one of few rows: two or three tiles.</summary>
    private const int LeastRows = 8, MostRows = 24;

    /// <summary>Whether a product is one of those that are faster unpacked.</summary>
    public static bool Suits(InstructionSet set, MatrixSpan a, MatrixSpan b, MatrixSpan c) =>
        set != InstructionSet.Scalar && b.Columns > 1 && (b.Columns <= MostColumns || b.Rows <= FewSteps) && (long)b.Rows * b.Columns <= MostOfB && c.Rows >= GemmTile.TallHeight(set) && ReadsWell(a);

    /// <summary>
    /// Whether A has so few rows that a wide B is better read where it lies, columns adjacent, a few times over; and so many that
    /// they fill tiles. A has adjacent rows or columns; B's rows begin on a boundary of registers if one does, else half of what is
    /// read would straddle two cache lines, each time it is read.
    /// </summary>
    public static bool SuitsFewRows(InstructionSet set, MatrixSpan a, MatrixSpan b) =>
        Can(set, b.Columns) && (long)b.Rows * b.Columns <= MostOfWideB && b.ColumnStride == 1 && b.RowStride % GemmTile.Lanes(set) == 0 && a.Rows is >= LeastRows and <= MostRows && (long)a.Rows * a.Columns <= MostOfB && ReadsWell(a);

    /// <summary>Whether the steps of A's rows are adjacent, or lie so that the caches can hold what a tile reads of them.</summary>
    private static bool ReadsWell(MatrixSpan a) => a.ColumnStride == 1 || (a.RowStride == 1 && a.ColumnStride <= FarthestStep);

    /// <summary>Whether matrices of so many columns can be multiplied in place at all: fewer than a register has lanes would be read, and written, beyond the end of a row.</summary>
    public static bool Can(InstructionSet set, int columns) => set != InstructionSet.Scalar && columns >= GemmTile.Lanes(set);

    /// <summary>C [m, n] = A [m, k] B [k, n] on this thread. B is copied if its columns are not adjacent or fewer than a register's lanes.</summary>
    [MethodImpl(Compiled.AtOnce)]
    public static void Run(Worker worker, MatrixSpan a, MatrixSpan b, MatrixSpan c, bool accumulate)
    {
        InstructionSet set = worker.InstructionSet;
        if (b.Columns < GemmTile.Lanes(set))
        {
            RunNarrow(worker, a, b, c, accumulate);
            return;
        }
        CheckShapes(set, a, b.Rows, b.Columns, c);
        if (b.ColumnStride != 1) b = Adjacent(b, worker.Scratch(ScratchSlot.PanelOfB, b.Rows * b.Columns));
        if (a.ColumnStride != 1 || a.RowStride % FloatsOfCacheWay != 0 || c.Rows == 1)
        {
            RunRows(set, a, b, c, accumulate);
            return;
        }
        for (int i = 0, height; i < c.Rows; i += height)
        {
            height = GemmTile.WholeHeight(set, c.Rows - i);
            for (int k = 0; k < Math.Max(a.Columns, 1); k += StepsApart)
            {
                int some = Math.Min(StepsApart, a.Columns - k);
                RunRows(set, Apart(worker, a.Block(i, height, k, some)), b.Block(k, some, 0, b.Columns), c.RowRange(i, height), accumulate || k > 0);
            }
        }
    }

    /// <summary>
    /// Tall tiles of rows that lie far apart, each beginning a stream that the next tile goes on with, so that the processor fetches
    /// ahead in all of them; adjacent rows would be short pieces of one. Then the rows that are left, fewer than two tiles, or than
    /// three, adjacent.
    /// </summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void RunRows(InstructionSet set, MatrixSpan a, MatrixSpan b, MatrixSpan c, bool accumulate)
    {
        int tall = GemmTile.TallHeight(set), streams = a.ColumnStride == 1 ? c.Rows / tall : 0;
        if ((long)streams * a.RowStride % FloatsOfCacheWay == 0) streams--;
        if (streams < 2) streams = 0;
        ref float left = ref Checked(a, a.Columns), right = ref Checked(b, c.Columns), target = ref Checked(c, c.Columns);
        for (int i = 0; i < streams; i++) Tile(set, tall, a.Columns, ref left, a, i, streams, ref right, b.RowStride, ref target, c, accumulate);
        for (int i = streams * tall, height; i < c.Rows; i += height)
        {
            height = GemmTile.WholeHeight(set, c.Rows - i);
            Tile(set, height, a.Columns, ref left, a, i, 1, ref right, b.RowStride, ref target, c, accumulate);
        }
    }

    /// <summary>Row i and those that follow it <paramref name="apart"/> rows from each other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Tile(InstructionSet set, int height, int depth, ref float left, MatrixSpan a, int i, int apart, ref float right, int stepOfB, ref float target, MatrixSpan c, bool accumulate)
    {
        int lanes = GemmTile.Lanes(set);
        ref float panel = ref Unsafe.Add(ref left, i * a.RowStride), row = ref Unsafe.Add(ref target, i * c.RowStride);
        for (int j = 0, some; j < c.Columns; j += some)
        {
            some = ColumnsOfTile(lanes, c.Columns - j);
            int second = some - lanes;
            GemmTile.Strided(set, height, depth, ref panel, (nint)apart * a.RowStride, a.ColumnStride, ref Unsafe.Add(ref right, j), stepOfB, second, ref Unsafe.Add(ref row, j), (nint)apart * c.RowStride, second, accumulate);
        }
    }

    /// <summary>The same with fewer columns than a register has lanes: the others are computed too, beside C, and left out.</summary>
    private static void RunNarrow(Worker worker, MatrixSpan a, MatrixSpan b, MatrixSpan c, bool accumulate)
    {
        int lanes = GemmTile.Lanes(worker.InstructionSet);
        MatrixSpan padded = new(worker.Scratch(ScratchSlot.PanelOfB, b.Rows * lanes), b.Rows, lanes);
        MatrixSpan wide = new(worker.Scratch(ScratchSlot.EdgeTile, c.Rows * lanes), c.Rows, lanes);
        Packing.Pack(b, lanes, padded.Data);
        if (accumulate) Packing.Pack(c, lanes, wide.Data);
        Run(worker, a, padded, wide, accumulate);
        Packing.Copy(wide.Block(0, c.Rows, 0, c.Columns), c.RowStride, c.Data, 0);
    }

    /// <summary>C_t = A B_t for matrices of one size that follow each other in memory, each contiguous, or C_t += A B_t.</summary>
    public static void RunEach(Worker worker, MatrixSpan a, TokenMajor b, TokenMajor c, bool accumulate)
    {
        // Two tokens of half a tile's columns make a whole one.
        InstructionSet set = worker.InstructionSet;
        int paired = b.Width == GemmTile.Lanes(set) ? b.Tokens / 2 * 2 : 0;
        CheckShapes(set, a, b.Rows, b.Width, c.TokensFrom(0));
        for (int token = 0; token < paired; token += 2) RunPair(set, a, b.TokensFrom(token), b.TokenLength, c.TokensFrom(token), c.TokenLength, accumulate);
        for (int token = paired; token < b.Tokens; token++) Run(worker, a, b.TokensFrom(token), c.TokensFrom(token), accumulate);
    }

    [MethodImpl(Compiled.AtOnce)]
    private static void RunPair(InstructionSet set, MatrixSpan a, MatrixSpan b, int secondOfB, MatrixSpan c, int secondOfC, bool accumulate)
    {
        ref float left = ref Checked(a, a.Columns), right = ref Checked(b, secondOfB + GemmTile.Lanes(set)), target = ref Checked(c, secondOfC + GemmTile.Lanes(set));
        for (int i = 0, height; i < c.Rows; i += height)
        {
            height = GemmTile.WholeHeight(set, c.Rows - i);
            GemmTile.Strided(set, height, a.Columns, ref Unsafe.Add(ref left, i * a.RowStride), a.RowStride, a.ColumnStride, ref right, b.RowStride, secondOfB, ref Unsafe.Add(ref target, i * c.RowStride), c.RowStride, secondOfC, accumulate);
        }
    }

    private static void CheckShapes(InstructionSet set, MatrixSpan a, int depth, int columns, MatrixSpan c)
    {
        if (!Can(set, columns) || a.Columns != depth || c.Rows != a.Rows || c.Columns != columns || c.ColumnStride != 1)
            throw new ArgumentException($"InPlaceProduct: [{a.Rows}, {a.Columns}] x [{depth}, {columns}] does not give [{c.Rows}, {c.Columns}] in place on {set}.");
    }

    /// <summary>Where a matrix begins, after one check that its last row has so many columns; the tiles read and write without checks.</summary>
    private static ref float Checked(MatrixSpan matrix, int columns)
    {
        int extent = matrix.Rows == 0 || columns == 0 ? 0 : (matrix.Rows - 1) * matrix.RowStride + (columns - 1) * matrix.ColumnStride + 1;
        return ref MemoryMarshal.GetReference(matrix.Data[..extent]);
    }

    /// <summary>A copy whose columns are adjacent.</summary>
    private static MatrixSpan Adjacent(MatrixSpan matrix, Span<float> room)
    {
        Packing.Copy(matrix, matrix.Columns, room, 0);
        return new MatrixSpan(room, matrix.Rows, matrix.Columns);
    }

    /// <summary>Rows copied to where they share no set of a first-level cache.</summary>
    private static MatrixSpan Apart(Worker worker, MatrixSpan rows)
    {
        int stride = rows.Columns + FloatsOfLine;
        Span<float> room = worker.Scratch(ScratchSlot.RowsApart, rows.Rows * stride);
        BlockCopy.Run(rows.Data, rows.RowStride, room, stride, rows.Rows, rows.Columns);
        return new MatrixSpan(room, rows.Rows, rows.Columns, stride, 1);
    }

    /// <summary>At most two registers, and never so many that fewer than a register is left.</summary>
    private static int ColumnsOfTile(int lanes, int left) => left <= 2 * lanes ? left : Math.Min(left - lanes, 2 * lanes);
}
