using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// C = A B, or C += A B, in floats. See Gemm.md for the tiling.
/// Every element of C is one chain of fused multiply-adds over k in ascending order, so the bits depend neither on the
/// tile, nor on the threads, nor on the instruction set.
/// </summary>
internal static partial class Gemm
{
    /// <summary>The most rows of A that are packed at a time; each panel of B is then used for as many.</summary>
    private const int MaxRows = 1036;

    /// <summary>The most steps of k that are packed at a time.</summary>
    private const int MaxDepth = 4096;

    /// <summary>Tasks for each thread, so that one that is held up does not hold up all.</summary>
    private const int TasksPerThread = 4;

    /// <summary>Parts of tasks for each thread, so that the last ones, which one thread does while others have none, are short.</summary>
    private const int PartsPerThread = 32;

    private const int MostPanels = 2;

    /// <summary>The most steps of a panel of B that stays in the first-level cache from tile to tile.</summary>
    private const int StepsOfNearPanel = 256;

    /// <summary>
    /// The most rows a task packs and multiplies at once when B is a single panel: packed rows are then read only once, and these
    /// are still in the second-level cache.
    /// </summary>
    private const int MaxRowsOfNarrowTask = 126;

    /// <summary>Columns of a task when A is a single row, or a few: adjacent pieces of B long enough for the processor to fetch ahead.</summary>
    private const int ColumnsOfRowTask = 256;

    /// <summary>Below this many multiply-adds, waking other threads costs more than it saves.</summary>
    private const long WorthSharing = 100_000;

    /// <summary>C [m, n] = A [m, k] B [k, n] over all threads; added to C when <paramref name="accumulate"/>.</summary>
    public static void Multiply(Cpu cpu, MatrixSpan a, MatrixSpan b, MatrixSpan c, bool accumulate = false)
    {
        CheckShapes(a, b.Rows, b.Columns, c);
        // A single column is a row, multiplied from the other side.
        if (c is { Columns: 1, RowStride: 1, Rows: > 1 })
        {
            Multiply(cpu, b.Transposed, a.Transposed, c.Transposed, accumulate);
            return;
        }
        if (MultiplyThin(cpu, a, b, c, accumulate)) return;
        if (c.Rows != 1 && !FewRows.Suits(cpu.InstructionSet, a, b))
        {
            Multiply(cpu, a, new FloatPanels(b), b.Rows, b.Columns, c, accumulate);
            return;
        }
        bool alone = cpu.Threads == 1 || (long)c.Rows * b.Rows * b.Columns < WorthSharing;
        // As many tasks for each thread, of whole tiles.
        int tasks = alone ? 1 : Ceiling.OfRatio(Ceiling.OfRatio(b.Columns, ColumnsOfRowTask), cpu.Threads) * cpu.Threads;
        int columnsOfTask = Math.Max(Ceiling.OfRatio(Ceiling.OfRatio(b.Columns, tasks), FewRows.ColumnsAtOnce) * FewRows.ColumnsAtOnce, 1);
        RowJob row = new(a, b, c, accumulate, columnsOfTask);
        cpu.Run(Ceiling.OfRatio(b.Columns, columnsOfTask), ref row);
    }

    /// <summary>The same with a B that writes its own panels: a quantised weight that is never a float matrix.</summary>
    public static void Multiply<TRight>(Cpu cpu, MatrixSpan a, TRight b, int depth, int columns, MatrixSpan c, bool accumulate = false)
        where TRight : struct, IPanels, allows ref struct
    {
        CheckShapes(a, depth, columns, c);
        if (cpu.Threads == 1 || (long)c.Rows * columns * depth < WorthSharing)
        {
            SerialJob<TRight> serial = new(a, b, depth, c, accumulate);
            cpu.RunSerially(1, ref serial);
            return;
        }
        if (columns <= GemmTile.Width(cpu.InstructionSet))
        {
            int rowsOfTask = Math.Min(Ceiling.OfRatio(c.Rows, cpu.Threads), MaxRowsOfNarrowTask);
            NarrowJob<TRight> narrow = new(a, b, depth, c, accumulate, rowsOfTask);
            cpu.Run(Ceiling.OfRatio(c.Rows, rowsOfTask), ref narrow);
            return;
        }
        using Lock.Scope hold = cpu.Hold();
        Span<int> held = stackalloc int[cpu.Threads];
        for (int row = 0; row < c.Rows; row += MaxRows)
            for (int k = 0; k < Math.Max(depth, 1); k += MaxDepth)
            {
                int rows = Math.Min(MaxRows, c.Rows - row), some = Math.Min(MaxDepth, depth - k), panels = Ceiling.OfRatio(columns, GemmTile.Width(cpu.InstructionSet));
                PackedRows packed = new(cpu.InstructionSet, rows, k, some, cpu.Scratch(0, ScratchSlot.PanelsOfA, PackedRows.Length(cpu.InstructionSet, rows, some)));
                PackingJob packing = new(a.RowRange(row, rows), packed);
                cpu.Run(packed.PackingTasks, ref packing);
                int panelsOfTask = panels < MostPanels * TasksPerThread * cpu.Threads ? 1 : PanelsAtOnce(packed), columnTasks = Ceiling.OfRatio(panels, panelsOfTask);
                bool rowsFirst = columnTasks < TasksPerThread * cpu.Threads;
                // A panel of several slabs cannot be held from share to share.
                int shares = rowsFirst || packed.Slabs > 1 ? TasksPerThread : PartsPerThread, rowTasks = Math.Min(packed.TallTiles, Ceiling.OfRatio(shares * cpu.Threads, Math.Max(columnTasks, 1)));
                held.Fill(-1);
                MultiplyJob<TRight> multiply = new(packed, b, c.RowRange(row, rows), accumulate || k > 0, columnTasks, panelsOfTask, rowTasks, rowsFirst, held);
                cpu.Run(columnTasks * rowTasks, ref multiply);
            }
    }

    /// <summary>The same product on the calling thread, for kernels that are already shared out.</summary>
    public static void MultiplyOnThisThread(Worker worker, MatrixSpan a, MatrixSpan b, MatrixSpan c, bool accumulate = false)
    {
        CheckShapes(a, b.Rows, b.Columns, c);
        if (c.Rows == 1) RowProduct.Run(worker.InstructionSet, a, b, c.Row(0), accumulate);
        else if (InPlaceProduct.Suits(worker.InstructionSet, a, b, c)) InPlaceProduct.Run(worker, a, b, c, accumulate);
        else MultiplyOnThisThread(worker, new FloatPanels(a.Transposed), new FloatPanels(b), b.Rows, new FloatTarget(c), c.Rows, c.Columns, accumulate);
    }

    /// <summary>The same for operands of any layout; <paramref name="a"/> gives the panels of Aᵀ [depth, rows].</summary>
    public static void MultiplyOnThisThread<TLeft, TRight, TTarget>(Worker worker, TLeft a, TRight b, int depth, TTarget c, int rows, int columns, bool accumulate = false)
        where TLeft : struct, IPanels, allows ref struct
        where TRight : struct, IPanels, allows ref struct
        where TTarget : struct, ITarget, allows ref struct
    {
        InstructionSet set = worker.InstructionSet;
        for (int row = 0; row < rows; row += MaxRows)
            for (int k = 0; k < Math.Max(depth, 1); k += MaxDepth)
            {
                int someRows = Math.Min(MaxRows, rows - row), some = Math.Min(MaxDepth, depth - k);
                PackedRows packed = new(set, someRows, k, some, worker.Scratch(ScratchSlot.PanelsOfA, PackedRows.Length(set, someRows, some)));
                for (int slab = 0; slab < packed.Slabs; slab++) packed.Pack(worker, a, slab, 0, someRows, row);
                int width = PanelsAtOnce(packed) * GemmTile.Width(set);
                for (int column = 0; column < columns; column += width)
                    MultiplyPanels(worker, packed, 0, someRows, b, column, Math.Min(width, columns - column), c, row, accumulate || k > 0);
            }
    }

    /// <summary>
    /// The same where both operands lie packed, as attention keeps them: rows <paramref name="first"/> .. <paramref name="last"/>
    /// of A, each of them a whole tile or the end, and steps <paramref name="k"/> .. k + <paramref name="steps"/>, times one panel
    /// of B [steps, width], into C [last - first, columns].
    /// </summary>
    public static void MultiplyPacked(Worker worker, PackedRows a, int first, int last, int k, int steps, ReadOnlySpan<float> panelOfB, MatrixSpan c, bool accumulate)
    {
        int width = GemmTile.Width(worker.InstructionSet);
        for (int slab = 0; slab < a.Slabs; slab++)
        {
            (int begin, int kc) = a.Slab(slab);
            int from = Math.Max(begin, k), to = Math.Min(begin + kc, k + steps);
            if (from < to)
                MultiplySlab(worker, a, slab, from - begin, to - from, first, last, panelOfB[((from - k) * width)..], new FloatTarget(c), -first, 0, c.Columns, accumulate || from > k);
        }
    }

    /// <summary>Panels of B that each tile of A meets in turn: with two, what comes from the third-level cache is used twice.</summary>
    private static int PanelsAtOnce(PackedRows packed) => packed.DepthOfSlab > StepsOfNearPanel ? MostPanels : 1;

    private static void CheckShapes(MatrixSpan a, int depth, int columns, MatrixSpan c)
    {
        if (a.Columns != depth || c.Rows != a.Rows || c.Columns != columns || (c.ColumnStride != 1 && c.Columns > 1))
            throw new ArgumentException($"Gemm: [{a.Rows}, {a.Columns}] x [{depth}, {columns}] does not give [{c.Rows}, {c.Columns}] with adjacent columns.");
    }

    /// <summary>
    /// Packed rows <paramref name="first"/> .. <paramref name="last"/> times a few panels of B, columns <paramref name="column"/>
    /// .. column + <paramref name="some"/>, into C from row <paramref name="row"/> of it on. All slabs of k in turn: the columns of
    /// C stay in the cache. The panels may be <paramref name="held"/> from the call before, if there is one slab.
    /// </summary>
    private static void MultiplyPanels<TRight, TTarget>(Worker worker, PackedRows packed, int first, int last, TRight b, int column, int some, TTarget c, int row, bool accumulate, bool held = false)
        where TRight : struct, IPanels, allows ref struct
        where TTarget : struct, ITarget, allows ref struct
    {
        int width = GemmTile.Width(worker.InstructionSet);
        Span<float> panelsOfB = worker.Scratch(ScratchSlot.PanelOfB, Ceiling.OfRatio(some, width) * width * packed.DepthOfSlab);
        for (int slab = 0; slab < packed.Slabs; slab++)
        {
            (int k, int kc) = packed.Slab(slab);
            for (int j = 0; j < some && !held; j += width) b.Pack(worker, k, kc, column + j, Math.Min(width, some - j), width, panelsOfB[(j * kc)..]);
            MultiplySlab(worker, packed, slab, 0, kc, first, last, panelsOfB, c, row, column, some, accumulate || slab > 0);
        }
    }

    /// <summary>Steps <paramref name="skip"/> .. skip + <paramref name="steps"/> of one slab of k, with panels of B that hold just these.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void MultiplySlab<TTarget>(Worker worker, PackedRows packed, int slab, int skip, int steps, int first, int last, ReadOnlySpan<float> panelsOfB, TTarget c, int row, int column, int some, bool load)
        where TTarget : struct, ITarget, allows ref struct
    {
        InstructionSet set = worker.InstructionSet;
        int width = GemmTile.Width(set);
        Span<float> edge = worker.Scratch(ScratchSlot.EdgeTile, GemmTile.TallHeight(set) * width);
        for (int i = first, height; i < last; i += height)
        {
            height = GemmTile.Height(set, packed.Rows - i);
            int validRows = Math.Min(height, packed.Rows - i);
            ReadOnlySpan<float> panelOfA = packed.Panel(slab, i, height)[(skip * height)..];
            for (int j = 0; j < some; j += width)
            {
                int validColumns = Math.Min(width, some - j);
                ReadOnlySpan<float> panelOfB = panelsOfB[(j * steps)..];
                if (validRows == height && validColumns == width && c.Direct(row + i, height, column + j, width, out int stride) is { IsEmpty: false } tile)
                {
                    GemmTile.Run(set, height, steps, panelOfA, panelOfB, tile, stride, width, load);
                    continue;
                }
                if (load) c.Read(row + i, validRows, column + j, validColumns, edge, width);
                GemmTile.Run(set, height, steps, panelOfA, panelOfB, edge, width, validColumns, load);
                c.Write(row + i, validRows, column + j, validColumns, edge, width);
            }
        }
    }

    private readonly ref struct SerialJob<TRight>(MatrixSpan a, TRight b, int depth, MatrixSpan c, bool accumulate) : IJob
        where TRight : struct, IPanels, allows ref struct
    {
        private readonly MatrixSpan _a = a, _c = c;
        private readonly TRight _b = b;

        public void Run(int item, Worker worker) =>
            MultiplyOnThisThread(worker, new FloatPanels(_a.Transposed), _b, depth, new FloatTarget(_c), _c.Rows, _c.Columns, accumulate);
    }

    private readonly ref struct RowJob(MatrixSpan x, MatrixSpan b, MatrixSpan y, bool accumulate, int columnsOfTask) : IJob
    {
        private readonly MatrixSpan _x = x, _b = b, _y = y;

        public void Run(int item, Worker worker)
        {
            int first = item * columnsOfTask, some = Math.Min(columnsOfTask, _y.Columns - first);
            if (_x.Rows == 1) RowProduct.Run(worker.InstructionSet, _x, _b.Block(0, _b.Rows, first, some), _y.Row(0).Slice(first, some), accumulate);
            else FewRows.Run(worker, _x, _b, _y, first, some, accumulate);
        }
    }

    private readonly ref struct NarrowJob<TRight>(MatrixSpan a, TRight b, int depth, MatrixSpan c, bool accumulate, int rowsOfTask) : IJob
        where TRight : struct, IPanels, allows ref struct
    {
        private readonly MatrixSpan _a = a, _c = c;
        private readonly TRight _b = b;

        public void Run(int item, Worker worker)
        {
            int first = item * rowsOfTask, rows = Math.Min(rowsOfTask, _c.Rows - first);
            MultiplyOnThisThread(worker, new FloatPanels(_a.RowRange(first, rows).Transposed), _b, depth, new FloatTarget(_c.RowRange(first, rows)), rows, _c.Columns, accumulate);
        }
    }

    private readonly ref struct PackingJob(MatrixSpan a, PackedRows packed) : IJob
    {
        private readonly MatrixSpan _a = a;
        private readonly PackedRows _packed = packed;

        public void Run(int item, Worker worker)
        {
            (int slab, int first, int last) = _packed.PackingTask(item);
            _packed.Pack(worker, new FloatPanels(_a.Transposed), slab, first, last, firstRow: 0);
        }
    }

    /// <summary>
    /// Panels of B for shares of the rows. Where the panels are few, a thread begins with its share of the rows, which it packed itself.
    /// Else it begins with its share of the panels, and takes all rows of one before the next, so that it packs each once:
    /// <paramref name="held"/> says which one each thread has packed last.
    /// </summary>
    private readonly ref struct MultiplyJob<TRight>(PackedRows packed, TRight b, MatrixSpan c, bool accumulate, int columnTasks, int panelsOfTask, int rowTasks, bool rowsFirst, Span<int> held) : IJob
        where TRight : struct, IPanels, allows ref struct
    {
        private readonly PackedRows _packed = packed;
        private readonly TRight _b = b;
        private readonly MatrixSpan _c = c;
        private readonly Span<int> _held = held;

        public void Run(int item, Worker worker)
        {
            (int share, int panel) = rowsFirst ? (item / columnTasks, item % columnTasks) : (item % rowTasks, item / rowTasks);
            bool again = _packed.Slabs == 1 && _held[worker.Index] == panel;
            _held[worker.Index] = panel;
            int rowsOfTask = Ceiling.OfRatio(_packed.TallTiles, rowTasks) * GemmTile.TallHeight(worker.InstructionSet), first = share * rowsOfTask;
            int columnsOfTask = panelsOfTask * GemmTile.Width(worker.InstructionSet), column = panel * columnsOfTask;
            MultiplyPanels(worker, _packed, first, Math.Min(first + rowsOfTask, _packed.Rows), _b, column, Math.Min(columnsOfTask, _c.Columns - column), new FloatTarget(_c), 0, accumulate, again);
        }
    }
}
