namespace MoKA.Native.Kernels;

/// <summary>
/// C = A B, or C += A B, in floats. See Gemm.md for the tiling.
/// Every element of C is one chain of fused multiply-adds over k in ascending order, so the bits depend neither on the
/// tile, nor on the threads, nor on the instruction set.
/// </summary>
internal static class Gemm
{
    /// <summary>How many steps of k a panel holds: a panel of B [k, 32] then fits in the first-level cache.</summary>
    internal const int DepthOfPanel = 256;

    /// <summary>How many rows of A one task packs: [128, 256] floats fit in the second-level cache.</summary>
    private const int RowsPerTask = 128;

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
        int tileColumns = GemmTile.Columns(cpu.InstructionSet);
        int rowTasks = (c.Rows + RowsPerTask - 1) / RowsPerTask;
        int columnPanels = (columns + tileColumns - 1) / tileColumns;
        bool shared = cpu.Threads > 1 && (long)c.Rows * columns * depth > WorthSharing;
        // Few row blocks: cut the columns too, so that every thread has about three tasks to balance with.
        int columnTasks = shared && rowTasks < 3 * cpu.Threads ? Math.Min(columnPanels, (3 * cpu.Threads + rowTasks - 1) / Math.Max(rowTasks, 1)) : 1;
        Job<TPanels> job = new(a, b, depth, columns, c, accumulate, columnPanels, columnTasks);
        if (shared) cpu.Run(rowTasks * columnTasks, ref job);
        else cpu.RunSerially(rowTasks * columnTasks, ref job);
    }

    /// <summary>The same product on the calling thread, for kernels that are already shared out.</summary>
    public static void MultiplyOnThisThread(Worker worker, MatrixSpan a, MatrixSpan b, MatrixSpan c, bool accumulate = false)
    {
        CheckShapes(a, b.Rows, b.Columns, c);
        FloatPanels panels = new(b);
        for (int row = 0; row < c.Rows; row += RowsPerTask)
            MultiplyBlock(worker, a, panels, b.Rows, c, accumulate, row, Math.Min(RowsPerTask, c.Rows - row), 0, b.Columns);
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
        (int tileRows, int tileColumns) = (GemmTile.Rows(set), GemmTile.Columns(set));
        if (depth == 0 && !accumulate)
        {
            for (int i = 0; i < rows; i++) c.Data.Slice((row0 + i) * c.RowStride + column0, columns).Clear();
            return;
        }
        int depthOfPanel = Math.Min(DepthOfPanel, depth);
        int rowTiles = (rows + tileRows - 1) / tileRows;
        Span<float> panelsOfA = worker.Scratch(ScratchSlot.PanelsOfA, rowTiles * tileRows * depthOfPanel);
        Span<float> panelOfB = worker.Scratch(ScratchSlot.PanelOfB, tileColumns * depthOfPanel);
        Span<float> edge = worker.Scratch(ScratchSlot.EdgeTile, tileRows * tileColumns);
        for (int k = 0; k < depth; k += DepthOfPanel)
        {
            int kc = Math.Min(DepthOfPanel, depth - k);
            bool load = accumulate || k > 0;
            for (int i = 0; i < rows; i += tileRows)
                Packing.Pack(a.Block(row0 + i, Math.Min(tileRows, rows - i), k, kc).Transposed, tileRows, panelsOfA[(i * kc)..]);
            for (int j = 0; j < columns; j += tileColumns)
            {
                int validColumns = Math.Min(tileColumns, columns - j);
                b.Pack(worker, k, kc, column0 + j, validColumns, tileColumns, panelOfB);
                for (int i = 0; i < rows; i += tileRows)
                {
                    int validRows = Math.Min(tileRows, rows - i);
                    Span<float> tile = c.Data[((row0 + i) * c.RowStride + column0 + j)..];
                    ReadOnlySpan<float> panelOfA = panelsOfA.Slice(i * kc, tileRows * kc);
                    if (validRows == tileRows && validColumns == tileColumns) GemmTile.Run(set, kc, panelOfA, panelOfB, tile, c.RowStride, load);
                    else
                    {
                        if (load) CopyTile(tile, c.RowStride, edge, tileColumns, validRows, validColumns);
                        GemmTile.Run(set, kc, panelOfA, panelOfB, edge, tileColumns, load);
                        CopyTile(edge, tileColumns, tile, c.RowStride, validRows, validColumns);
                    }
                }
            }
        }
    }

    private static void CopyTile(ReadOnlySpan<float> from, int fromStride, Span<float> to, int toStride, int rows, int columns)
    {
        for (int i = 0; i < rows; i++) from.Slice(i * fromStride, columns).CopyTo(to.Slice(i * toStride, columns));
    }

    private readonly ref struct Job<TPanels>(MatrixSpan a, TPanels b, int depth, int columns, MatrixSpan c, bool accumulate, int columnPanels, int columnTasks) : IJob
        where TPanels : struct, IPanels, allows ref struct
    {
        private readonly MatrixSpan _a = a, _c = c;
        private readonly TPanels _b = b;

        public void Run(int item, Worker worker)
        {
            int row = item / columnTasks * RowsPerTask;
            int tileColumns = GemmTile.Columns(worker.InstructionSet);
            int first = item % columnTasks * columnPanels / columnTasks * tileColumns;
            int last = Math.Min((item % columnTasks + 1) * columnPanels / columnTasks * tileColumns, columns);
            MultiplyBlock(worker, _a, _b, depth, _c, accumulate, row, Math.Min(RowsPerTask, _c.Rows - row), first, last - first);
        }
    }
}
