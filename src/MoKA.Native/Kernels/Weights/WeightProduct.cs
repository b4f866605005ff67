namespace MoKA.Native.Kernels;

/// <summary>
/// Products with a stored weight W [out, in]: many rows through panels, one row by dequantising a few rows of W at a time
/// and reading them where they lie. The bits are those of the float products with the same numbers.
/// </summary>
internal static class WeightProduct
{
    /// <summary>Rows and columns of W that a task dequantises at a time: 128 KiB of floats, which stay in a second-level cache.</summary>
    private const int RowsOfTask = 32, ColumnsOfPiece = 1024;

    /// <summary>How many rows ahead memory is asked for.</summary>
    private const int RowsAhead = 4;

    /// <summary>c [m, out] = a [m, in] Wᵀ, or c [m, in] = a [m, out] W; added to c when <paramref name="accumulate"/>.</summary>
    public static void Run<TRows>(Cpu cpu, MatrixSpan a, TRows w, int outputs, int inputs, bool transpose, MatrixSpan c, bool accumulate)
        where TRows : struct, IWeightRows, allows ref struct
    {
        if (!transpose || c.Rows != 1)
        {
            Gemm.Multiply(cpu, a, new WeightPanels<TRows>(w, transpose), transpose ? inputs : outputs, transpose ? outputs : inputs, c, accumulate);
            return;
        }
        if (a.Columns != inputs || c.Columns != outputs) throw new ArgumentException($"Weight: [1, {a.Columns}] x [{inputs}, {outputs}] does not give [1, {c.Columns}].");
        RowJob<TRows> job = new(a, w, c, accumulate);
        cpu.Run(Ceiling.OfRatio(outputs, RowsOfTask), ref job);
    }

    private readonly ref struct RowJob<TRows>(MatrixSpan x, TRows w, MatrixSpan y, bool accumulate) : IJob where TRows : struct, IWeightRows, allows ref struct
    {
        private readonly MatrixSpan _x = x, _y = y;
        private readonly TRows _w = w;

        public void Run(int item, Worker worker)
        {
            int first = item * RowsOfTask, rows = Math.Min(RowsOfTask, _y.Columns - first);
            for (int column = 0; column < Math.Max(_x.Columns, 1); column += ColumnsOfPiece)
            {
                int columns = Math.Min(ColumnsOfPiece, _x.Columns - column);
                Span<float> weights = worker.Scratch(ScratchSlot.Dequantised, rows * columns);
                for (int i = 0; i < rows; i++)
                {
                    PrefetchAhead(first, rows, i + RowsAhead, column);
                    _w.Dequantize(first + i, column, weights.Slice(i * columns, columns));
                }
                RowProduct.Run(worker.InstructionSet, _x.Block(0, 1, column, columns), new MatrixSpan(weights, rows, columns).Transposed, _y.Row(0).Slice(first, rows), accumulate || column > 0);
            }
        }

        /// <summary>The row that comes so much later: in this piece, in the next one, or in the next task's first.</summary>
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
