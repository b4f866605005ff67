namespace MoKA.Native.Kernels;

/// <summary>
/// Products with a stored weight W [out, in]: many rows through panels; few by turning W's codes into weights in registers
/// (<see cref="LaneRows"/>), or one by dequantising a few rows of W at a time and reading them where they lie. The bits are those of the float products with the same numbers.
/// </summary>
internal static class WeightProduct
{
    /// <summary>Rows and columns of W that are dequantised at a time: 128 KiB of floats, which stay in a second-level cache.</summary>
    private const int RowsOfPiece = 32, ColumnsOfPiece = 1024;

    private const int TasksPerThread = 4;

    /// <summary>How many rows ahead memory is asked for.</summary>
    private const int RowsAhead = 4;

    /// <summary>c [m, out] = a [m, in] Wᵀ, or c [m, in] = a [m, out] W; added to c when <paramref name="accumulate"/>.</summary>
    public static void Run<TRows>(Cpu cpu, MatrixSpan a, TRows w, int outputs, int inputs, bool transpose, MatrixSpan c, bool accumulate)
        where TRows : struct, IWeightRows, allows ref struct
    {
        bool inLanes = c.Rows <= w.FewTokens(cpu.InstructionSet) && outputs >= LaneRows.Rows;
        if (!transpose || (c.Rows != 1 && !inLanes))
        {
            Gemm.Multiply(cpu, a, new WeightPanels<TRows>(w, transpose), transpose ? inputs : outputs, transpose ? outputs : inputs, c, accumulate);
            return;
        }
        if (a.Rows != c.Rows || a.Columns != inputs || c.Columns != outputs) throw new ArgumentException($"Weight: [{a.Rows}, {a.Columns}] x [{inputs}, {outputs}] does not give [{c.Rows}, {c.Columns}].");
        // Tasks of rows that follow each other, so that memory is read in order; a few for each thread, of whole registers.
        int rowsOfTask = Ceiling.OfRatio(Math.Max(outputs, 1), TasksPerThread * cpu.Threads * LaneRows.Rows) * LaneRows.Rows;
        RowJob<TRows> job = new(a, w, c, accumulate, inLanes, rowsOfTask);
        cpu.Run(Ceiling.OfRatio(outputs, rowsOfTask), ref job);
    }

    private readonly ref struct RowJob<TRows>(MatrixSpan x, TRows w, MatrixSpan y, bool accumulate, bool inLanes, int rowsOfTask) : IJob where TRows : struct, IWeightRows, allows ref struct
    {
        private readonly MatrixSpan _x = x, _y = y;
        private readonly TRows _w = w;

        public void Run(int item, Worker worker)
        {
            int first = item * rowsOfTask, end = Math.Min(first + rowsOfTask, _y.Columns);
            if (!accumulate)
                for (int token = 0; token < _y.Rows; token++) _y.Row(token)[first..end].Clear();
            if (inLanes)
            {
                int whole = (end - first) / LaneRows.Rows * LaneRows.Rows;
                _w.MultiplyRows(first, _x, _y.Block(0, _y.Rows, first, whole), worker);
                if (first + whole < end) MultiplyLast(first + whole, end - first - whole, worker);
                return;
            }
            for (; first < end; first += RowsOfPiece) MultiplyPieces(first, Math.Min(RowsOfPiece, end - first), worker);
        }

        /// <summary>Fewer rows than go side by side, together with some that are multiplied elsewhere too.</summary>
        private void MultiplyLast(int first, int rows, Worker worker)
        {
            int from = Math.Min(first, _y.Columns - LaneRows.Rows);
            MatrixSpan y = new(stackalloc float[LaneRows.MostTokens * LaneRows.Rows], _y.Rows, LaneRows.Rows), own = y.Block(0, y.Rows, first - from, rows), to = _y.Block(0, y.Rows, first, rows);
            y.Data.Clear();
            BlockCopy.Run(to, own);
            _w.MultiplyRows(from, _x, y, worker);
            BlockCopy.Run(own, to);
        }

        private void MultiplyPieces(int first, int rows, Worker worker)
        {
            for (int column = 0; column < Math.Max(_x.Columns, 1); column += ColumnsOfPiece)
            {
                int columns = Math.Min(ColumnsOfPiece, _x.Columns - column);
                // A line further apart than they are long: a power of two apart they would share sets of a cache.
                int apart = columns + Kernels.Prefetch.Line / sizeof(float);
                Span<float> weights = worker.Scratch(ScratchSlot.Dequantised, rows * apart);
                for (int i = 0; i < rows; i++)
                {
                    PrefetchAhead(first, rows, i + RowsAhead, column);
                    _w.Dequantize(first + i, column, weights.Slice(i * apart, columns));
                }
                RowProduct.Run(worker.InstructionSet, _x.Block(0, 1, column, columns), new MatrixSpan(weights, rows, columns, apart, 1).Transposed, _y.Row(0).Slice(first, rows), accumulate: true);
            }
        }

        /// <summary>The row that comes so much later: in this piece, in the next one, or in the next rows' first.</summary>
        private void PrefetchAhead(int first, int rows, int row, int column)
        {
            if (row >= rows)
            {
                (row, column) = (row - rows, column + ColumnsOfPiece);
                if (column >= _x.Columns) (row, column) = (row + rows, 0);
            }
            if (first + row < _y.Columns) _w.Prefetch(first + row, column, Math.Min(ColumnsOfPiece, _x.Columns - column));
        }
    }
}
