using System.Numerics.Tensors;

namespace MoKA.Native.Kernels;

/// <summary>
/// Causal attention with grouped queries over sequences that lie end to end, in blocks of queries and of keys: no buffer
/// grows with the length. Forward keeps each row's maximum and sum, so the way back computes the probabilities again
/// instead of keeping them (Dao et al., arXiv 2205.14135). See Attention.md.
/// </summary>
internal static class AttentionKernel
{
    /// <summary>Five tall tiles of AVX-512.</summary>
    private const int QueriesPerBlock = 70;

    /// <summary>The scores [70, 512] and their gradients stay in a second-level cache.</summary>
    private const int KeysPerBlock = 512;

    /// <summary>
    /// y = softmax(scale q kᵀ, causal) v for every head. q, y [tokens, heads * headDim]; k, v [keys, kvHeads * headDim],
    /// where keys = tokens, or for one cached sequence its offset + tokens. statistics [tokens, heads * 2].
    /// </summary>
    public static void Forward(Cpu cpu, in AttentionShape shape, MatrixSpan q, MatrixSpan k, MatrixSpan v, MatrixSpan y, MatrixSpan statistics)
    {
        ForwardJob job = new(shape, q, k, v, y, statistics);
        cpu.Run(shape.Sequences.Count * shape.Heads, ref job);
    }

    /// <summary>Adds to dq, dk, dv. One task is one key-value head of one sequence, so the heads of a group add in order.</summary>
    public static void Backward(Cpu cpu, in AttentionShape shape, MatrixSpan q, MatrixSpan k, MatrixSpan v, MatrixSpan y, MatrixSpan statistics, MatrixSpan dy, MatrixSpan dq, MatrixSpan dk, MatrixSpan dv)
    {
        BackwardJob job = new(shape, q, k, v, y, statistics, dy, dq, dk, dv);
        cpu.Run(shape.Sequences.Count * shape.KeyValueHeads, ref job);
    }

    private readonly ref struct ForwardJob(AttentionShape shape, MatrixSpan q, MatrixSpan k, MatrixSpan v, MatrixSpan y, MatrixSpan statistics) : IJob
    {
        private readonly MatrixSpan _q = q, _k = k, _v = v, _y = y, _statistics = statistics;

        public void Run(int item, Worker worker)
        {
            (int sequence, int head) = (item / shape.Heads, item % shape.Heads);
            int first = shape.Sequences.First(sequence), length = shape.Sequences.Length(sequence), past = shape.Sequences.Offset;
            int column = head * shape.HeadDim, keyColumn = head / shape.HeadsPerKey * shape.HeadDim;
            Span<float> scores = worker.Scratch(ScratchSlot.Scores, QueriesPerBlock * Math.Min(KeysPerBlock, past + length));
            for (int i0 = 0; i0 < length; i0 += QueriesPerBlock)
            {
                int rows = Math.Min(QueriesPerBlock, length - i0), keys = past + i0 + rows;
                MatrixSpan q = _q.Block(first + i0, rows, column, shape.HeadDim), y = _y.Block(first + i0, rows, column, shape.HeadDim);
                for (int k0 = 0; k0 < keys; k0 += KeysPerBlock)
                {
                    int some = Math.Min(KeysPerBlock, keys - k0);
                    MatrixSpan s = new(scores, rows, some);
                    Gemm.MultiplyOnThisThread(worker, q, _k.Block(first + k0, some, keyColumn, shape.HeadDim).Transposed, s);
                    for (int i = 0; i < rows; i++)
                        AddKeys(worker, s.Row(i), Math.Clamp(past + i0 + i + 1 - k0, 0, some), k0 == 0, _statistics.Row(first + i0 + i).Slice(2 * head, 2), y.Row(i));
                    Gemm.MultiplyOnThisThread(worker, s, _v.Block(first + k0, some, keyColumn, shape.HeadDim), y, accumulate: k0 > 0);
                }
                for (int i = 0; i < rows; i++)
                {
                    ref float sum = ref _statistics.Row(first + i0 + i)[2 * head + 1];
                    sum = 1 / sum;
                    TensorPrimitives.Multiply<float>(y.Row(i), sum, y.Row(i));
                }
            }
        }

        /// <summary>
        /// Turns a row's scores of a block of keys into e^(score - maximum). The maximum and the sum so far are kept; when a
        /// later block raises the maximum, the sum and what is in y are scaled down to it.
        /// </summary>
        private void AddKeys(Worker worker, Span<float> scores, int visible, bool firstBlock, Span<float> kept, Span<float> y)
        {
            scores[visible..].Clear();
            if (visible == 0) return;
            float max = TensorPrimitives.Max<float>(scores[..visible]) * shape.Scale;
            if (firstBlock) (kept[0], kept[1]) = (max, 0);
            else if (max > kept[0])
            {
                Span<float> factor = [kept[0]];
                Softmax.Exponentials(worker.InstructionSet, factor, 1, max, 1);
                TensorPrimitives.Multiply<float>(y, factor[0], y);
                (kept[0], kept[1]) = (max, kept[1] * factor[0]);
            }
            Softmax.Exponentials(worker.InstructionSet, scores[..visible], shape.Scale, kept[0], 1);
            kept[1] += Reduce.Sum(worker.InstructionSet, scores[..visible]);
        }
    }

    private readonly ref struct BackwardJob(AttentionShape shape, MatrixSpan q, MatrixSpan k, MatrixSpan v, MatrixSpan y, MatrixSpan statistics, MatrixSpan dy, MatrixSpan dq, MatrixSpan dk, MatrixSpan dv) : IJob
    {
        private readonly MatrixSpan _q = q, _k = k, _v = v, _y = y, _statistics = statistics, _dy = dy, _dq = dq, _dk = dk, _dv = dv;

        public void Run(int item, Worker worker)
        {
            (int sequence, int group) = (item / shape.KeyValueHeads, item % shape.KeyValueHeads);
            for (int head = group * shape.HeadsPerKey; head < (group + 1) * shape.HeadsPerKey; head++) Head(worker, sequence, head);
        }

        private void Head(Worker worker, int sequence, int head)
        {
            int first = shape.Sequences.First(sequence), length = shape.Sequences.Length(sequence);
            int column = head * shape.HeadDim, keyColumn = head / shape.HeadsPerKey * shape.HeadDim;
            int most = QueriesPerBlock * Math.Min(KeysPerBlock, length);
            Span<float> probabilities = worker.Scratch(ScratchSlot.Scores, most), gradients = worker.Scratch(ScratchSlot.ScoreGradients, most);
            for (int i0 = 0; i0 < length; i0 += QueriesPerBlock)
            {
                int rows = Math.Min(QueriesPerBlock, length - i0), keys = i0 + rows;
                MatrixSpan q = _q.Block(first + i0, rows, column, shape.HeadDim), dq = _dq.Block(first + i0, rows, column, shape.HeadDim);
                MatrixSpan y = _y.Block(first + i0, rows, column, shape.HeadDim), dy = _dy.Block(first + i0, rows, column, shape.HeadDim);
                for (int k0 = 0; k0 < keys; k0 += KeysPerBlock)
                {
                    int some = Math.Min(KeysPerBlock, keys - k0);
                    MatrixSpan p = new(probabilities, rows, some), ds = new(gradients, rows, some);
                    MatrixSpan k = _k.Block(first + k0, some, keyColumn, shape.HeadDim), v = _v.Block(first + k0, some, keyColumn, shape.HeadDim);
                    // In the forward pass s = scale q kᵀ, p = softmax(s), y = p v. Now dp = dy vᵀ,
                    // ds = p ⊙ (dp - dy·y), dq = scale ds k, dk = scale dsᵀ q, dv = pᵀ dy.
                    Gemm.MultiplyOnThisThread(worker, q, k.Transposed, p);
                    Gemm.MultiplyOnThisThread(worker, dy, v.Transposed, ds);
                    for (int i = 0; i < rows; i++)
                    {
                        int visible = Math.Clamp(i0 + i + 1 - k0, 0, some);
                        ReadOnlySpan<float> kept = _statistics.Row(first + i0 + i).Slice(2 * head, 2);
                        Softmax.Exponentials(worker.InstructionSet, p.Row(i)[..visible], shape.Scale, kept[0], kept[1]);
                        p.Row(i)[visible..].Clear();
                        ds.Row(i)[visible..].Clear();
                        // Σ p dp = dy·y, since y = p v and dp = dy vᵀ.
                        float inner = Reduce.Dot(worker.InstructionSet, dy.Row(i), y.Row(i));
                        Softmax.Backward(worker.InstructionSet, p.Row(i)[..visible], inner, shape.Scale, ds.Row(i)[..visible]);
                    }
                    Gemm.MultiplyOnThisThread(worker, ds, k, dq, accumulate: true);
                    Gemm.MultiplyOnThisThread(worker, ds.Transposed, q, _dk.Block(first + k0, some, keyColumn, shape.HeadDim), accumulate: true);
                    Gemm.MultiplyOnThisThread(worker, p.Transposed, dy, _dv.Block(first + k0, some, keyColumn, shape.HeadDim), accumulate: true);
                }
            }
        }
    }
}

/// <summary>The integers of an attention layer. Each key-value head serves <see cref="HeadsPerKey"/> query heads.</summary>
internal readonly record struct AttentionShape(int Heads, int KeyValueHeads, int HeadDim, Sequences Sequences)
{
    public int HeadsPerKey => Heads / KeyValueHeads;

    public float Scale => 1 / MathF.Sqrt(HeadDim);
}
