namespace MoKA.Native.Kernels;

/// <summary>
/// y = x Wᵀ with W in few bits and the activations quantised to 8 bits on the way in (llama.cpp's way): in a block of 32 the
/// products are summed exactly in integers, then blocks are added in order,
/// <code>y[t, o] = fma(Σ L p × d[o, b], e[t, b], y[t, o])   over b ascending; W ≈ L d, x ≈ p e
/// y[t, o] = fma(m[o, b], e[t, b] Σ p, y[t, o])       after each, where W ≈ L d + m</code>
/// so the bits are the same on every instruction set, for one token or many. L are the codes of ggml's blocks less their centre, or
/// the levels of NF4 and FP4 as whole numbers (<see cref="IntegerLevels"/>). Blocks are of 16 where scales change so often. See Int8.md.
/// </summary>
internal static class Int8Product
{
    private const int TasksPerThread = 4;

    /// <summary>y [tokens, outputs] for x [tokens, depth] and blocks of W [outputs, depth].</summary>
    public static void Multiply<TBlock>(Cpu cpu, MatrixSpan x, ReadOnlySpan<byte> weights, int outputs, MatrixSpan y) where TBlock : struct, IBlockInLanes =>
        Run(cpu, x, new Int8Blocks<TBlock>(weights), outputs, y, HasBlocks<TBlock>(weights, outputs, x.Columns));

    /// <summary>The same for W in NF4 or FP4, whose rows are whole blocks.</summary>
    public static void Multiply(Cpu cpu, MatrixSpan x, CodebookRows weights, int outputs, MatrixSpan y) =>
        Run(cpu, x, new Int8Levels(weights), outputs, y, weights.HasPieces);

    private static bool HasBlocks<TBlock>(ReadOnlySpan<byte> weights, int outputs, int depth) where TBlock : struct, IBlock =>
        depth % TBlock.Weights == 0 && weights.Length == (long)outputs * depth / TBlock.Weights * TBlock.Bytes;

    /// <summary>Few tokens by rows, many by panels.</summary>
    private static void Run<T>(Cpu cpu, MatrixSpan x, T weights, int outputs, MatrixSpan y, bool wholeBlocks) where T : IInt8Weights, allows ref struct
    {
        if (y.Rows != x.Rows || y.Columns != outputs || !wholeBlocks) throw new ArgumentException($"Int8: [{x.Rows}, {x.Columns}] x [{x.Columns}, {outputs}] does not give [{y.Rows}, {y.Columns}].");
        using Lock.Scope hold = cpu.Hold();
        if (x.Rows > T.FewTokens(cpu.InstructionSet))
        {
            PanelJob<T> panels = new(Quantize<T>(cpu, x, T.OrderForPanels), weights, y);
            cpu.Run(Ceiling.OfRatio(outputs, Int8Tile.Width(cpu.InstructionSet)), ref panels);
            return;
        }
        int rowsOfTask = Ceiling.OfRatio(Math.Max(outputs, 1), TasksPerThread * cpu.Threads * LaneColumns.Rows) * LaneColumns.Rows;
        RowJob<T> rows = new(Quantize<T>(cpu, x, T.OrderForRows), weights, y, rowsOfTask);
        cpu.Run(Ceiling.OfRatio(outputs, rowsOfTask), ref rows);
    }

    private static QuantizedTokens Quantize<T>(Cpu cpu, MatrixSpan x, TokenOrder order) where T : IInt8Weights, allows ref struct
    {
        int blockSize = T.Groups * Int8Panel.StepsOfGroup;
        QuantizedTokens tokens = new(x.Rows, x.Columns, blockSize, cpu.Scratch(0, ScratchSlot.QuantizedTokens, QuantizedTokens.FloatsFor(x.Rows, x.Columns, blockSize)));
        tokens.Quantize(cpu, x, order, T.Centre);
        return tokens;
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
            Int8Panel panel = new(width, _tokens.Blocks, T.Groups, worker.Scratch(ScratchSlot.PanelOfB, Int8Panel.FloatsFor(width, _tokens.Blocks, T.Groups, T.HasMinimum)));
            if (rows < width)
            {
                panel.Scales.Clear();
                panel.Minima.Clear();
            }
            _weights.Pack(worker, first, rows, panel);
            Span<float> tile = stackalloc float[Int8Tile.MostTokens * Int8Tile.MostWidth];
            for (int token = 0, some; token < _tokens.Tokens; token += some)
            {
                some = Int8Tile.Height(worker.InstructionSet, _tokens.Tokens - token);
                if (rows == width)
                {
                    MatrixSpan to = _y.Block(token, some, first, width);
                    Int8Tile.Run<T>(worker.InstructionSet, _tokens.Range(token, some), in panel, to.Data, to.RowStride);
                    continue;
                }
                Int8Tile.Run<T>(worker.InstructionSet, _tokens.Range(token, some), in panel, tile, width);
                for (int t = 0; t < some; t++) tile.Slice(t * width, rows).CopyTo(_y.Row(token + t)[first..]);
            }
        }
    }
}
