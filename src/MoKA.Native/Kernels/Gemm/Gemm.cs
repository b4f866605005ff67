namespace MoKA.Native.Kernels;

/// <summary>
/// C = A B, or C += A B, in floats. See Gemm.md for the tiling.
/// Every element of C is one chain of fused multiply-adds over k in ascending order, so the bits depend neither on the
/// tile, nor on the threads, nor on the instruction set.
/// </summary>
internal static class Gemm
{
    /// <summary>
    /// The most steps of k that a panel holds. A panel of B [512, 32] is twice a first-level cache and streams from the
    /// second as fast as the tile reads it; shorter panels touch C more often, which costs more.
    /// </summary>
    internal const int MaxDepthOfPanel = 512;

    /// <summary>The most rows of A that one task packs: [518, 256] floats are half of a second-level cache of 1 MB.</summary>
    private const int MaxRowsPerTask = 518;

    /// <summary>Tasks for each thread, so that one that is held up does not hold up all.</summary>
    private const int TasksPerThread = 3;

    /// <summary>Below this many multiply-adds, waking other threads costs more than it saves.</summary>
    private const long WorthSharing = 100_000;

    /// <summary>C [m, n] = A [m, k] B [k, n] over all threads; added to C when <paramref name="accumulate"/>.</summary>
    public static void Multiply(Cpu cpu, MatrixSpan a, MatrixSpan b, MatrixSpan c, bool accumulate = false) =>
        Multiply(cpu, a, new FloatPanels(b), b.Rows, b.Columns, c, accumulate);

    /// <summary>The same with a B that writes its own panels: a quantised weight that is never a float matrix.</summary>
    public static void Multiply<TPanels>(Cpu cpu, MatrixSpan a, TPanels b, int depth, int columns, MatrixSpan c, bool accumulate = false)
        where TPanels : struct, IPanels, allows ref struct
    {
        CheckShapes(a, depth, columns, c);
        Grid grid = Grid.Of(cpu, c.Rows, columns, (long)c.Rows * columns * depth > WorthSharing);
        Job<TPanels> job = new(a, b, depth, columns, c, accumulate, grid);
        if (grid.Tasks > 1) cpu.Run(grid.Tasks, ref job);
        else cpu.RunSerially(grid.Tasks, ref job);
    }

    /// <summary>The same product on the calling thread, for kernels that are already shared out.</summary>
    public static void MultiplyOnThisThread(Worker worker, MatrixSpan a, MatrixSpan b, MatrixSpan c, bool accumulate = false)
    {
        CheckShapes(a, b.Rows, b.Columns, c);
        FloatPanels panels = new(b);
        for (int row = 0; row < c.Rows; row += MaxRowsPerTask)
            MultiplyBlock(worker, a, panels, b.Rows, c, accumulate, row, Math.Min(MaxRowsPerTask, c.Rows - row), 0, b.Columns);
    }

    private static void CheckShapes(MatrixSpan a, int depth, int columns, MatrixSpan c)
    {
        if (a.Columns != depth || c.Rows != a.Rows || c.Columns != columns || (c.ColumnStride != 1 && c.Columns > 1))
            throw new ArgumentException($"Gemm: [{a.Rows}, {a.Columns}] x [{depth}, {columns}] does not give [{c.Rows}, {c.Columns}] with adjacent columns.");
    }

    private static void MultiplyBlock<TPanels>(Worker worker, MatrixSpan a, TPanels b, int depth, MatrixSpan c, bool accumulate, int row0, int rows, int column0, int columns)
        where TPanels : struct, IPanels, allows ref struct
    {
        if (rows == 0 || columns == 0) return;
        InstructionSet set = worker.InstructionSet;
        int width = GemmTile.Width(set);
        if (depth == 0 && !accumulate)
        {
            for (int i = 0; i < rows; i++) c.Data.Slice((row0 + i) * c.RowStride + column0, columns).Clear();
            return;
        }
        int depthOfPanel = DepthOfPanel(depth);
        Span<float> panelsOfA = worker.Scratch(ScratchSlot.PanelsOfA, (rows + GemmTile.TallHeight(set)) * depthOfPanel);
        Span<float> panelOfB = worker.Scratch(ScratchSlot.PanelOfB, width * depthOfPanel);
        Span<float> edge = worker.Scratch(ScratchSlot.EdgeTile, GemmTile.TallHeight(set) * width);
        for (int k = 0; k < depth; k += depthOfPanel)
        {
            int kc = Math.Min(depthOfPanel, depth - k);
            bool load = accumulate || k > 0;
            for (int i = 0, height; i < rows; i += height)
            {
                height = GemmTile.Height(set, rows - i);
                Packing.Pack(a.Block(row0 + i, Math.Min(height, rows - i), k, kc).Transposed, height, panelsOfA.Slice(i * kc, height * kc));
            }
            for (int j = 0; j < columns; j += width)
            {
                int validColumns = Math.Min(width, columns - j);
                b.Pack(worker, k, kc, column0 + j, validColumns, width, panelOfB);
                for (int i = 0, height; i < rows; i += height)
                {
                    height = GemmTile.Height(set, rows - i);
                    int validRows = Math.Min(height, rows - i);
                    Span<float> tile = c.Data[((row0 + i) * c.RowStride + column0 + j)..];
                    ReadOnlySpan<float> panelOfA = panelsOfA.Slice(i * kc, height * kc);
                    if (validRows == height && validColumns == width) GemmTile.Run(set, height, kc, panelOfA, panelOfB, tile, c.RowStride, load);
                    else
                    {
                        if (load) CopyTile(tile, c.RowStride, edge, width, validRows, validColumns);
                        GemmTile.Run(set, height, kc, panelOfA, panelOfB, edge, width, load);
                        CopyTile(edge, width, tile, c.RowStride, validRows, validColumns);
                    }
                }
            }
        }
    }

    /// <summary>The steps of k in each panel: the depth cut into equal parts of at most <see cref="MaxDepthOfPanel"/>.</summary>
    private static int DepthOfPanel(int depth)
    {
        int panels = Math.Max((depth + MaxDepthOfPanel - 1) / MaxDepthOfPanel, 1);
        return (depth + panels - 1) / panels;
    }

    private static void CopyTile(ReadOnlySpan<float> from, int fromStride, Span<float> to, int toStride, int rows, int columns)
    {
        for (int i = 0; i < rows; i++) from.Slice(i * fromStride, columns).CopyTo(to.Slice(i * toStride, columns));
    }

    /// <summary>How C is cut into tasks: each packs its rows of A and its columns of B for itself, so the fewer cuts the less packing.</summary>
    private readonly record struct Grid(int RowsPerTask, int RowTasks, int Panels, int ColumnTasks)
    {
        public int Tasks => RowTasks * ColumnTasks;

        public static Grid Of(Cpu cpu, int rows, int columns, bool shared)
        {
            (int tall, int width) = (GemmTile.TallHeight(cpu.InstructionSet), GemmTile.Width(cpu.InstructionSet));
            int wanted = shared && cpu.Threads > 1 ? TasksPerThread * cpu.Threads : 1;
            int panels = Math.Max(CeilingOfRatio(columns, width), 1);
            int rowTasks = Math.Max(CeilingOfRatio(rows, MaxRowsPerTask), Math.Min(CeilingOfRatio(rows, tall), CeilingOfRatio(wanted, panels)));
            int rowsPerTask = CeilingOfRatio(CeilingOfRatio(rows, Math.Max(rowTasks, 1)), tall) * tall;
            rowTasks = rows == 0 ? 0 : CeilingOfRatio(rows, rowsPerTask);
            return new Grid(rowsPerTask, rowTasks, panels, Math.Min(panels, CeilingOfRatio(wanted, Math.Max(rowTasks, 1))));
        }

        private static int CeilingOfRatio(int a, int b) => (a + b - 1) / b;
    }

    private readonly ref struct Job<TPanels>(MatrixSpan a, TPanels b, int depth, int columns, MatrixSpan c, bool accumulate, Grid grid) : IJob
        where TPanels : struct, IPanels, allows ref struct
    {
        private readonly MatrixSpan _a = a, _c = c;
        private readonly TPanels _b = b;

        public void Run(int item, Worker worker)
        {
            int row = item / grid.ColumnTasks * grid.RowsPerTask, column = item % grid.ColumnTasks;
            int width = GemmTile.Width(worker.InstructionSet);
            int first = column * grid.Panels / grid.ColumnTasks * width;
            int last = Math.Min((column + 1) * grid.Panels / grid.ColumnTasks * width, columns);
            MultiplyBlock(worker, _a, _b, depth, _c, accumulate, row, Math.Min(grid.RowsPerTask, _c.Rows - row), first, last - first);
        }
    }
}
