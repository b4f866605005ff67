using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// Few tokens times rows of W in ggml's blocks, read where they lie: several rows lie side by side in the lanes of a register
/// (<see cref="RowStreams"/>), codes are multiplied with all tokens as soon as they are decoded, and blocks are added with the
/// sums of the tiles, and so the same bits. See Int8.md.
/// </summary>
internal static class Int8Lanes
{
    /// <summary>y [tokens, rows] for the tokens and whole rows of W.</summary>
    public static void Run<TBlock>(Worker worker, in QuantizedTokens tokens, ReadOnlySpan<byte> weights, MatrixSpan y) where TBlock : struct, IBlockInLanes
    {
        if (tokens.Tokens == 0) return;
        int bytesOfRow = tokens.Depth / TBlock.Weights * TBlock.Bytes;
        for (int row = 0, lanes, each; row < y.Columns; row += lanes * each)
        {
            (lanes, each) = RowStreams.Cut(worker.InstructionSet, y.Columns - row, bytesOfRow);
            for (int first = row; first < row + each; first++)
            {
                ReadOnlySpan<byte> rows = weights.Slice(first * bytesOfRow, ((lanes - 1) * each + 1) * bytesOfRow);
                // A token alone has a faster way with Q4_0.
                if (typeof(TBlock) == typeof(Q4_0) && tokens.Tokens == 1 && lanes > 1) Int8Rows.Multiply(lanes, tokens, rows, each, y.Row(0)[first..]);
                else if (lanes == RowStreams.Sixteen) Int8Lanes<TBlock, SixteenIntegers, SixteenLanes>.Multiply(worker, tokens, rows, each, y, first);
                else if (lanes == RowStreams.Eight) Int8Lanes<TBlock, EightIntegers, EightLanes>.Multiply(worker, tokens, rows, each, y, first);
                else Int8Lanes<TBlock, OneInteger, OneLane>.Multiply(worker, tokens, rows, each, y, first);
            }
        }
    }
}

/// <summary>The same for one format and one width of registers.</summary>
internal static class Int8Lanes<TBlock, TIntegers, TFloats>
    where TBlock : struct, IBlockInLanes
    where TIntegers : unmanaged, IIntegerLanes<TIntegers, TFloats>
    where TFloats : struct, ILanes<TFloats>
{
    /// <summary>Runs of each row between two additions of floats.</summary>
    private const int RunsAtOnce = BlockLanes.RunsAtOnce;

    private static int RunsOfBlock
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TBlock.Weights / BlockLanes.Run;
    }

    private static int ScalesOfBlock
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => RunsOfBlock / TBlock.RunsOfScale;
    }

    /// <summary>Scales of so many runs.</summary>
    private static int ScalesAtOnce
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => RunsAtOnce / TBlock.RunsOfScale;
    }

    /// <summary>The columns of y from <paramref name="first"/> on that are as many apart as the rows of W.</summary>
    public static void Multiply(Worker worker, in QuantizedTokens tokens, ReadOnlySpan<byte> rows, int apart, MatrixSpan y, int first)
    {
        int count = tokens.Tokens, blocks = tokens.Depth / TBlock.Weights, stride = apart * blocks * TBlock.Bytes;
        // Registers of scales, minima and every token's totals, then the sums.
        int numbers = (2 + count) * ScalesAtOnce * TFloats.Count;
        Span<float> scratch = worker.Scratch(ScratchSlot.Dequantised, numbers + count * TFloats.Count), sums = scratch[numbers..];
        sums.Clear();
        // The slice proves the bounds once; the loops then read without checks.
        AddBlocks(tokens, ref MemoryMarshal.GetReference(rows[..((TFloats.Count - 1) * stride + blocks * TBlock.Bytes)]), stride, blocks, ref MemoryMarshal.GetReference(scratch), ref MemoryMarshal.GetReference(sums));
        for (int t = 0; t < count; t++)
            for (int lane = 0; lane < TFloats.Count; lane++) y.Row(t)[first + lane * apart] = sums[t * TFloats.Count + lane];
    }

    /// <summary>sums [tokens, lanes] += tokens times rows of so many blocks.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void AddBlocks(in QuantizedTokens tokens, ref byte block, nint stride, int blocks, ref float scales, ref float sums)
    {
        int blocksAtOnce = RunsAtOnce / RunsOfBlock;
        nint count = tokens.Tokens, depth = tokens.Depth, scalesOfToken = tokens.Blocks;
        ref float minima = ref Unsafe.Add(ref scales, ScalesAtOnce * TFloats.Count);
        ref TIntegers totals = ref Unsafe.As<float, TIntegers>(ref Unsafe.Add(ref minima, ScalesAtOnce * TFloats.Count));
        ref byte p = ref Unsafe.As<sbyte, byte>(ref MemoryMarshal.GetReference(tokens.Codes));
        ref float e = ref MemoryMarshal.GetReference(tokens.Scales), pSum = ref MemoryMarshal.GetReference(tokens.Sums);
        ref int bias = ref MemoryMarshal.GetReference(tokens.Biases);
        while (blocks > 0)
        {
            int some = Math.Min(blocksAtOnce, blocks);
            blocks -= some;
            for (nint b = 0; b < some; b++)
            {
                nint scale = b * ScalesOfBlock;
                TBlock.Scales<TIntegers, TFloats>(ref block, stride, ref Unsafe.Add(ref scales, scale * TFloats.Count), ref Unsafe.Add(ref minima, scale * TFloats.Count), TFloats.Count);
                ref byte ahead = ref Unsafe.Add(ref block, RowStreams.Ahead - b * TBlock.Bytes + b * RunsOfBlock * TFloats.Count / RunsAtOnce * stride);
                TBlock.Codes<TIntegers, TFloats, Products>(ref block, stride, new(ref Unsafe.Add(ref totals, scale), ref p, depth, ref bias, scalesOfToken, count, ref ahead, stride));
                block = ref Unsafe.Add(ref block, TBlock.Bytes);
                p = ref Unsafe.Add(ref p, TBlock.Weights);
                bias = ref Unsafe.Add(ref bias, ScalesOfBlock);
            }
            nint number = some * ScalesOfBlock;
            for (nint t = 0; t < count; t++)
                AddTotals(ref Unsafe.Add(ref totals, t * ScalesAtOnce), number, ref scales, ref minima, ref Unsafe.Add(ref e, t * scalesOfToken), ref Unsafe.Add(ref pSum, t * scalesOfToken), ref Unsafe.Add(ref sums, t * TFloats.Count));
            e = ref Unsafe.Add(ref e, number);
            pSum = ref Unsafe.Add(ref pSum, number);
        }
    }

    /// <summary>The sums of a token and its totals, as many as there are scales, in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTotals(ref TIntegers totals, nint number, ref float scales, ref float minima, ref float e, ref float pSum, ref float sums)
    {
        TFloats sum = TFloats.Load(ref sums, 0);
        for (nint s = 0; s < number; s++)
        {
            TFloats products = Int8Blocks<TBlock>.Whole<TIntegers, TFloats>(Unsafe.Add(ref totals, s)).ToFloats() * TFloats.Load(ref Unsafe.Add(ref scales, s * TFloats.Count), 0);
            sum = TFloats.Fma(products, TFloats.Broadcast(Unsafe.Add(ref e, s)), sum);
            if (TBlock.HasMinimum) sum = TFloats.Fma(TFloats.Load(ref Unsafe.Add(ref minima, s * TFloats.Count), 0), TFloats.Broadcast(Unsafe.Add(ref pSum, s)), sum);
        }
        sum.Store(ref sums, 0);
    }

    /// <summary>
    /// What the codes of a block are handed to: they are multiplied with all tokens, and the products added to the totals of
    /// their scales, which start from the tokens' biases. With each run one of the rows is asked for ahead.
    /// </summary>
    private readonly ref struct Products(ref TIntegers totals, ref byte p, nint depth, ref int bias, nint scalesOfToken, nint tokens, ref byte ahead, nint stride) : ICodes<TIntegers, TFloats>
    {
        private readonly ref TIntegers _totals = ref totals;
        private readonly ref byte _p = ref p, _ahead = ref ahead;
        private readonly ref int _bias = ref bias;
        private readonly nint _depth = depth, _scalesOfToken = scalesOfToken, _tokens = tokens, _stride = stride;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Put(nint run, LaneRun<TIntegers, TFloats> codes)
        {
            AskFor((nuint)run);
            nint scale = (nint)((nuint)run / (nuint)TBlock.RunsOfScale);
            bool first = (nuint)run % (nuint)TBlock.RunsOfScale == 0;
            ref TIntegers total = ref Unsafe.Add(ref _totals, scale);
            ref byte p = ref Unsafe.Add(ref _p, run * BlockLanes.Run);
            ref int bias = ref Unsafe.Add(ref _bias, scale);
            nint left = _tokens;
            do
            {
                TIntegers sum = first ? TIntegers.Broadcast(Int8Blocks<TBlock>.Start(bias)) : total;
                sum = Add(sum, codes.A, ref p, 0);
                sum = Add(sum, codes.B, ref p, 4);
                sum = Add(sum, codes.C, ref p, 8);
                total = Add(sum, codes.D, ref p, 12);
                total = ref Unsafe.Add(ref total, ScalesAtOnce);
                bias = ref Unsafe.Add(ref bias, _scalesOfToken);
                p = ref Unsafe.Add(ref p, _depth);
            }
            while (--left > 0);
        }

        /// <summary>As many runs as rows: one of these, all the bytes that as many runs have. Half as many rows: every other time.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void AskFor(nuint run)
        {
            nuint runsOfRow = RunsAtOnce / (nuint)TFloats.Count;
            if (TFloats.Count > 1 && run % runsOfRow == 0) Prefetch.Lines(ref Unsafe.Add(ref _ahead, (nint)(run / runsOfRow) * _stride), RunsAtOnce / RunsOfBlock * TBlock.Bytes);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static TIntegers Add(TIntegers total, TIntegers codes, ref byte p, nint offset) =>
            Int8Blocks<TBlock>.Add<TIntegers, TFloats>(total, codes, TIntegers.Broadcast(Unsafe.ReadUnaligned<int>(ref Unsafe.Add(ref p, offset))));
    }
}
