using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

internal static partial class AttentionKernel
{
    /// <summary>Below so many queries, packing the keys and values costs more than the faster product saves.</summary>
    private const int WorthPacking = 4;

    private readonly ref struct ForwardJob(AttentionShape shape, MatrixSpan q, MatrixSpan k, MatrixSpan v, MatrixSpan y, MatrixSpan statistics) : IJob
    {
        private readonly MatrixSpan _q = q, _k = k, _v = v, _y = y, _statistics = statistics;

        public void Run(int item, Worker worker)
        {
            (int sequence, int head) = (item / shape.Heads, item % shape.Heads);
            int first = shape.Sequences.First(sequence), length = shape.Sequences.Length(sequence), keys = shape.Sequences.Past(sequence) + length, firstKey = shape.Sequences.FirstKey(sequence);
            int column = head * shape.HeadDim, keyColumn = head / shape.HeadsPerKey * shape.HeadDim;
            MatrixSpan q = _q.Block(first, length, column, shape.HeadDim), y = _y.Block(first, length, column, shape.HeadDim), statistics = _statistics.Block(first, length, 2 * head, 2);
            MatrixSpan k = _k.Block(firstKey, keys, keyColumn, shape.HeadDim), v = _v.Block(firstKey, keys, keyColumn, shape.HeadDim);
            if (length < WorthPacking) Rows(worker, q, k, v, y, statistics);
            else Columns(worker, q, k, v, y, statistics);
        }

        /// <summary>Queries as the columns of sᵀ = k qᵀ and yᵀ = vᵀ pᵀ: what the first product writes is a panel that the second reads.</summary>
        private void Columns(Worker worker, MatrixSpan q, MatrixSpan k, MatrixSpan v, MatrixSpan y, MatrixSpan statistics)
        {
            InstructionSet set = worker.InstructionSet;
            int width = GemmTile.Width(set), tall = GemmTile.TallHeight(set), dim = shape.HeadDim, past = k.Rows - q.Rows;
            Span<float> memory = worker.Scratch(ScratchSlot.PackedHead, PackedRows.Length(set, k.Rows, dim) + PackedBlocks.Length(set, k.Rows, dim));
            PackedRows packedKeys = PackByRows(worker, k, ref memory);
            PackedBlocks packedValues = PackByColumns(worker, v, ref memory);
            Span<float> panelOfQueries = worker.Scratch(ScratchSlot.Intermediate, dim * width), sums = worker.Scratch(ScratchSlot.RowValues, ColumnState.Length * width);
            MatrixSpan scores = new(worker.Scratch(ScratchSlot.Scores, RowsPerBlock * width), RowsPerBlock, width);
            MatrixSpan transposed = new(worker.Scratch(ScratchSlot.IntermediateGradient, dim * width), dim, width);
            for (int i0 = 0; i0 < q.Rows; i0 += width)
            {
                int queries = Math.Min(width, q.Rows - i0), end = past + i0 + queries;
                Packing.Pack(q.RowRange(i0, queries).Transposed, width, panelOfQueries);
                Ask(q, i0 + width, width);
                Ask(y, i0, width);
                ColumnState state = new(sums, width);
                state.Begin();
                for (int k0 = 0; k0 < end; k0 += RowsPerBlock)
                {
                    int some = Math.Min(RowsPerBlock, end - k0), whole = Math.Min(Ceiling.OfRatio(some, tall) * tall, k.Rows - k0);
                    Gemm.MultiplyPacked(worker, packedKeys, k0, k0 + whole, 0, dim, panelOfQueries, scores.RowRange(0, whole), accumulate: false);
                    // Query i sees keys up to past + i0 + i.
                    for (int key = Math.Max(past + i0 + 1 - k0, 0); key < some; key++) scores.Row(key)[..Math.Min(k0 + key - past - i0, width)].Fill(float.NegativeInfinity);
                    if (state.AddKeys(set, scores.RowRange(0, some), shape.Scale) && k0 > 0) MultiplyColumns(set, transposed, state.Factors);
                    Gemm.MultiplyPacked(worker, packedValues[k0], 0, dim, k0, some, scores.Data, transposed, accumulate: k0 > 0);
                }
                Finish(set, state, transposed, y.RowRange(i0, queries), statistics.RowRange(i0, queries));
            }
        }

        /// <summary>The same, one query at a time over keys and values where they lie; the same bits.</summary>
        private void Rows(Worker worker, MatrixSpan q, MatrixSpan k, MatrixSpan v, MatrixSpan y, MatrixSpan statistics)
        {
            InstructionSet set = worker.InstructionSet;
            Span<float> scores = worker.Scratch(ScratchSlot.Scores, RowsPerBlock);
            for (int i = 0; i < q.Rows; i++)
            {
                (float max, float sum) = (float.NegativeInfinity, 0);
                int end = k.Rows - q.Rows + i + 1;
                for (int k0 = 0; k0 < end; k0 += RowsPerBlock)
                {
                    int some = Math.Min(RowsPerBlock, end - k0);
                    Span<float> s = scores[..some];
                    RowProduct.Run(set, q.RowRange(i, 1), k.RowRange(k0, some).Transposed, s, accumulate: false);
                    // A positive factor keeps the order, rounding included, so the largest product is the largest number's.
                    float before = max;
                    max = MathF.Max(max, TensorPrimitives.Max<float>(s) * shape.Scale);
                    Span<float> factor = [before];
                    Softmax.Exponentials(set, factor, 1, max, 1);
                    Softmax.Exponentials(set, s, shape.Scale, max, 1);
                    sum *= factor[0];
                    foreach (float e in s) sum += e;
                    if (k0 > 0 && factor[0] != 1) TensorPrimitives.Multiply<float>(y.Row(i), factor[0], y.Row(i));
                    RowProduct.Run(set, new MatrixSpan(s, 1, some), v.RowRange(k0, some), y.Row(i), accumulate: k0 > 0);
                }
                (statistics.Row(i)[0], statistics.Row(i)[1]) = (max, sum = 1 / sum);
                TensorPrimitives.Multiply<float>(y.Row(i), sum, y.Row(i));
            }
        }
    }

    /// <summary>y [queries, d] = (yᵀ / sums)ᵀ, and the two numbers of each query that the way back needs.</summary>
    private static void Finish(InstructionSet set, ColumnState state, MatrixSpan transposed, MatrixSpan y, MatrixSpan statistics)
    {
        for (int i = 0; i < y.Rows; i++) (statistics.Row(i)[0], statistics.Row(i)[1]) = (state.Maxima[i], state.Sums[i] = 1 / state.Sums[i]);
        // Columns without a query.
        state.Sums[y.Rows..].Clear();
        MultiplyColumns(set, transposed, state.Sums);
        Packing.Copy(transposed.Transposed.RowRange(0, y.Rows), y.RowStride, y.Data, 0);
    }

    /// <summary>Rows of adjacent numbers, each column times its factor.</summary>
    private static void MultiplyColumns(InstructionSet set, MatrixSpan matrix, ReadOnlySpan<float> factors)
    {
        if (set == InstructionSet.Avx512) MultiplyColumns<SixteenLanes>(matrix, factors);
        else if (set == InstructionSet.Avx2) MultiplyColumns<EightLanes>(matrix, factors);
        else MultiplyColumns<OneLane>(matrix, factors);
    }

    [MethodImpl(Compiled.AtOnce)]
    private static void MultiplyColumns<TLanes>(MatrixSpan matrix, ReadOnlySpan<float> factors) where TLanes : struct, ILanes<TLanes>
    {
        int width = matrix.Columns, count = matrix.Rows * width;
        // The slices prove the bounds once; the loops below then read and write without checks.
        ref float numbers = ref MemoryMarshal.GetReference(matrix.Data[..count]);
        ref float of = ref MemoryMarshal.GetReference(factors[..width]);
        for (int column = 0; column < width; column += TLanes.Count)
        {
            TLanes factor = TLanes.Load(ref of, column);
            for (int i = column; i < count; i += width) (TLanes.Load(ref numbers, i) * factor).Store(ref numbers, i);
        }
    }

    /// <summary>
    /// The softmax of columns whose keys come block by block: the largest score so far, Σ e^(score - largest), and what both were
    /// last multiplied by when the largest rose (Milakov and Gimelshein, arXiv 1805.02867).
    /// </summary>
    private readonly ref struct ColumnState
    {
        /// <summary>Floats of memory for each column.</summary>
        public const int Length = 3;

        public ColumnState(Span<float> memory, int width)
        {
            Maxima = memory[..width];
            Sums = memory.Slice(width, width);
            Factors = memory.Slice(2 * width, width);
        }

        /// <summary>Before the first keys.</summary>
        public void Begin()
        {
            Maxima.Fill(float.NegativeInfinity);
            Sums.Clear();
        }

        public Span<float> Maxima { get; }

        public Span<float> Sums { get; }

        public Span<float> Factors { get; }

        /// <summary>Overwrites scores [keys, width] with e^(scale score - largest so far); true when a factor is not 1.</summary>
        public bool AddKeys(InstructionSet set, MatrixSpan scores, float scale)
        {
            if (set == InstructionSet.Avx512) AddKeys<SixteenLanes>(scores, scale);
            else if (set == InstructionSet.Avx2) AddKeys<EightLanes>(scores, scale);
            else AddKeys<OneLane>(scores, scale);
            return Factors.ContainsAnyExcept(1f);
        }

        private void AddKeys<TLanes>(MatrixSpan scores, float scale) where TLanes : struct, ILanes<TLanes>
        {
            // The slice proves the bounds once; the loops below then read and write without checks.
            ref float s = ref MemoryMarshal.GetReference(scores.Data[..(scores.Rows * scores.Columns)]);
            for (int column = 0; column < scores.Columns; column += TLanes.Count)
            {
                Raise<TLanes>(ref s, scores.Rows, scores.Columns, column, scale);
                Exponentials<TLanes>(ref s, scores.Rows, scores.Columns, column, scale);
            }
        }

        /// <summary>The maxima with the new scores, and what the sums so far shrink by. Apart from the loop below: together they would exceed what the compiler inlines.</summary>
        [MethodImpl(Compiled.AtOnce)]
        private void Raise<TLanes>(ref float s, int keys, int width, int column, float scale) where TLanes : struct, ILanes<TLanes>
        {
            ref float maxima = ref MemoryMarshal.GetReference(Maxima), sums = ref MemoryMarshal.GetReference(Sums), factors = ref MemoryMarshal.GetReference(Factors);
            TLanes factorOfScore = TLanes.Broadcast(scale), before = TLanes.Load(ref maxima, column), max = before;
            for (int i = column; i < keys * width; i += width) max = TLanes.Max(TLanes.Load(ref s, i) * factorOfScore, max);
            TLanes factor = Exp.Of(before - max);
            max.Store(ref maxima, column);
            factor.Store(ref factors, column);
            (TLanes.Load(ref sums, column) * factor).Store(ref sums, column);
        }

        [MethodImpl(Compiled.AtOnce)]
        private void Exponentials<TLanes>(ref float s, int keys, int width, int column, float scale) where TLanes : struct, ILanes<TLanes>
        {
            ref float sums = ref MemoryMarshal.GetReference(Sums);
            TLanes factorOfScore = TLanes.Broadcast(scale), max = TLanes.Load(ref MemoryMarshal.GetReference(Maxima), column), sum = TLanes.Load(ref sums, column);
            for (int i = column; i < keys * width; i += width)
            {
                TLanes e = Exp.Of(TLanes.Load(ref s, i) * factorOfScore - max);
                e.Store(ref s, i);
                sum += e;
            }
            sum.Store(ref sums, column);
        }
    }
}
