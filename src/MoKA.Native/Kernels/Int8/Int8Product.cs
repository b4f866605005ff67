namespace MoKA.Native.Kernels;

/// <summary>
/// y = x Wᵀ with W in 4 bits and the activations quantised to 8 bits on the way in (llama.cpp's way): in a block of 32 the
/// products are summed exactly in integers, then blocks are added in order,
/// <code>y[t, o] = fma(Σ L p × d[o, b], e[t, b], y[t, o])   over b ascending; W ≈ L d, x ≈ p e</code>
/// so the bits are the same on every instruction set, for one token or many. L are the codes of Q4_0 less 8, or the levels of
/// NF4 and FP4 as whole numbers (<see cref="IntegerLevels"/>). See Int8.md.
/// </summary>
internal static class Int8Product
{
    /// <summary>So few tokens are multiplied one by one with rows where they lie; a panel would take longer to lay out than it saves.</summary>
    public const int FewTokens = 5;

    private const int TasksPerThread = 4;

    /// <summary>y [tokens, outputs] for x [tokens, depth] and blocks of W [outputs, depth] in Q4_0.</summary>
    public static void Multiply(Cpu cpu, MatrixSpan x, ReadOnlySpan<byte> weights, int outputs, MatrixSpan y) =>
        Run(cpu, x, new Int8Codes(weights), outputs, y, x.Columns % Q4_0.Weights == 0 && weights.Length == (long)outputs * x.Columns / Q4_0.Weights * Q4_0.Bytes);

    /// <summary>The same for W in NF4 or FP4, whose rows are whole blocks.</summary>
    public static void Multiply(Cpu cpu, MatrixSpan x, CodebookRows weights, int outputs, MatrixSpan y) =>
        Run(cpu, x, new Int8Levels(weights), outputs, y, weights.HasPieces);

    private static void Run<T>(Cpu cpu, MatrixSpan x, T weights, int outputs, MatrixSpan y, bool wholeBlocks) where T : IInt8Weights, allows ref struct
    {
        int depth = x.Columns;
        if (y.Rows != x.Rows || y.Columns != outputs || !wholeBlocks) throw new ArgumentException($"Int8: [{x.Rows}, {depth}] x [{depth}, {outputs}] does not give [{y.Rows}, {y.Columns}].");
        using Lock.Scope hold = cpu.Hold();
        QuantizedTokens tokens = new(x.Rows, depth, cpu.Scratch(0, ScratchSlot.QuantizedTokens, QuantizedTokens.FloatsFor(x.Rows, depth)));
        tokens.Quantize(cpu, x, x.Rows <= FewTokens ? T.OrderForRows : T.OrderForPanels);
        if (x.Rows <= FewTokens)
        {
            int rowsOfTask = Ceiling.OfRatio(Math.Max(outputs, 1), TasksPerThread * cpu.Threads * LaneColumns.Rows) * LaneColumns.Rows;
            RowJob<T> row = new(tokens, weights, y, rowsOfTask);
            cpu.Run(Ceiling.OfRatio(outputs, rowsOfTask), ref row);
            return;
        }
        PanelJob<T> panels = new(tokens, weights, y);
        cpu.Run(Ceiling.OfRatio(outputs, Int8Tile.Width(cpu.InstructionSet)), ref panels);
    }

    /// <summary>Few tokens: rows of W are multiplied where they lie, a few tasks for each thread, of whole registers of rows.</summary>
    private readonly ref struct RowJob<T>(QuantizedTokens tokens, T weights, MatrixSpan y, int rowsOfTask) : IJob where T : IInt8Weights, allows ref struct
    {
        private readonly QuantizedTokens _tokens = tokens;
        private readonly T _weights = weights;
        private readonly MatrixSpan _y = y;

        public void Run(int item, Worker worker)
        {
            int first = item * rowsOfTask, rows = Math.Min(rowsOfTask, _y.Columns - first);
            _weights.MultiplyRows(worker, _tokens, first, _y.Block(0, _y.Rows, first, rows));
        }
    }

    /// <summary>Many tokens: a panel of W is laid out for the tiles and used for all of them.</summary>
    private readonly ref struct PanelJob<T>(QuantizedTokens tokens, T weights, MatrixSpan y) : IJob where T : IInt8Weights, allows ref struct
    {
        private readonly QuantizedTokens _tokens = tokens;
        private readonly T _weights = weights;
        private readonly MatrixSpan _y = y;

        public void Run(int item, Worker worker)
        {
            int width = Int8Tile.Width(worker.InstructionSet), first = item * width, rows = Math.Min(width, _y.Columns - first);
            Int8Panel panel = new(width, _tokens.Blocks, worker.Scratch(ScratchSlot.PanelOfB, Int8Panel.FloatsFor(width, _tokens.Blocks)));
            if (rows < width) panel.Scales.Clear();
            _weights.Pack(worker, first, rows, panel);
            Span<float> tile = stackalloc float[Int8Tile.MostTokens * Int8Tile.MostWidth];
            for (int token = 0, some; token < _tokens.Tokens; token += some)
            {
                some = Int8Tile.Height(worker.InstructionSet, _tokens.Tokens - token);
                if (rows == width)
                {
                    MatrixSpan to = _y.Block(token, some, first, width);
                    Int8Tile.Run<T>(worker.InstructionSet, in _tokens, token, some, in panel, to.Data, to.RowStride);
                    continue;
                }
                Int8Tile.Run<T>(worker.InstructionSet, in _tokens, token, some, in panel, tile, width);
                for (int t = 0; t < some; t++) tile.Slice(t * width, rows).CopyTo(_y.Row(token + t)[first..]);
            }
        }
    }
}
