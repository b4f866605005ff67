namespace MoKA.Native.Kernels;

/// <summary>
/// Products of which one side is thin, as those of low-rank factors: the wide operand is needed too few times to be worth packing.
/// It is read in place, and shared among the threads by its rows or columns.
/// </summary>
internal static partial class Gemm
{
    /// <summary>Columns, or turned rows, of a task: 1,024 steps of them fit a second-level cache.</summary>
    private const int ColumnsOfThinTask = 64;

    /// <summary>Multiplies if one of the thin forms fits, and says whether.</summary>
    private static bool MultiplyThin(Cpu cpu, MatrixSpan a, MatrixSpan b, MatrixSpan c, bool accumulate)
    {
        bool small = (long)c.Rows * c.Columns * b.Rows < WorthSharing;
        if (InPlaceProduct.Suits(cpu.InstructionSet, a, b, c))
        {
            TallJob tall = new(a, b, c, accumulate, small ? 1 : Math.Min(2 * cpu.Threads, c.Rows / GemmTile.TallHeight(cpu.InstructionSet)));
            cpu.Run(tall.Tasks, ref tall);
            return true;
        }
        if (InPlaceProduct.SuitsFewRows(cpu.InstructionSet, a, b))
        {
            WideJob wide = new(a, b, c, accumulate, small ? 1 : Math.Max(c.Columns / ColumnsOfThinTask, 1));
            cpu.Run(wide.Tasks, ref wide);
            return true;
        }
        if (InPlaceProduct.SuitsFewRows(cpu.InstructionSet, b.Transposed, a.Transposed))
        {
            TurnedJob turned = new(a, b, c, accumulate, small ? 1 : Math.Max(c.Rows / ColumnsOfThinTask, 1));
            cpu.Run(turned.Tasks, ref turned);
            return true;
        }
        return false;
    }

    /// <summary>Part <paramref name="item"/> of a length cut into equal parts, of which the last takes what is left.</summary>
    private static (int First, int Count) Part(int length, int parts, int item)
    {
        int usual = length / parts, first = item * usual;
        return (first, item == parts - 1 ? length - first : usual);
    }

    /// <summary>Many rows of A, few columns of B.</summary>
    private readonly ref struct TallJob(MatrixSpan a, MatrixSpan b, MatrixSpan c, bool accumulate, int tasks) : IJob
    {
        private readonly MatrixSpan _a = a, _b = b, _c = c;

        public int Tasks => tasks;

        public void Run(int item, Worker worker)
        {
            (int first, int rows) = Part(_c.Rows, tasks, item);
            InPlaceProduct.Run(worker, _a.RowRange(first, rows), _b, _c.RowRange(first, rows), accumulate);
        }
    }

    /// <summary>Few rows of A, many columns of B.</summary>
    private readonly ref struct WideJob(MatrixSpan a, MatrixSpan b, MatrixSpan c, bool accumulate, int tasks) : IJob
    {
        private readonly MatrixSpan _a = a, _b = b, _c = c;

        public int Tasks => tasks;

        public void Run(int item, Worker worker)
        {
            (int first, int columns) = Part(_c.Columns, tasks, item);
            InPlaceProduct.Run(worker, _a, _b.Block(0, _b.Rows, first, columns), _c.Block(0, _c.Rows, first, columns), accumulate);
        }
    }

    /// <summary>Few columns of B, and an A whose columns are adjacent: Cᵀ = Bᵀ Aᵀ has few rows.</summary>
    private readonly ref struct TurnedJob(MatrixSpan a, MatrixSpan b, MatrixSpan c, bool accumulate, int tasks) : IJob
    {
        private readonly MatrixSpan _a = a, _b = b, _c = c;

        public int Tasks => tasks;

        public void Run(int item, Worker worker)
        {
            (int first, int rows) = Part(_c.Rows, tasks, item);
            MatrixSpan c = _c.RowRange(first, rows), turned = new(worker.Scratch(ScratchSlot.EdgeTile, rows * c.Columns), c.Columns, rows);
            if (accumulate) Packing.Copy(c.Transposed, rows, turned.Data, 0);
            InPlaceProduct.Run(worker, _b.Transposed, _a.RowRange(first, rows).Transposed, turned, accumulate);
            Packing.Copy(turned.Transposed, c.RowStride, c.Data, 0);
        }
    }
}
