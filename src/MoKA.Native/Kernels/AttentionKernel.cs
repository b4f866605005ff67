using System.Numerics.Tensors;

namespace MoKA.Native.Kernels;

/// <summary>
/// Causal attention with grouped queries over sequences that lie end to end, in blocks of queries: the only buffer that
/// grows with the length is [64, keys], one a thread. Forward keeps each row's maximum and sum, so the way back computes
/// the probabilities again instead of keeping them (Dao et al., arXiv 2205.14135).
/// </summary>
internal static class AttentionKernel
{
    private const int QueriesPerBlock = 64;

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
            Span<float> scores = worker.Scratch(ScratchSlot.Scores, QueriesPerBlock * (past + length));
            for (int i0 = 0; i0 < length; i0 += QueriesPerBlock)
            {
                int rows = Math.Min(QueriesPerBlock, length - i0), keys = past + i0 + rows;
                MatrixSpan s = new(scores, rows, keys);
                MatrixSpan y = _y.Block(first + i0, rows, column, shape.HeadDim);
                Gemm.MultiplyOnThisThread(worker, _q.Block(first + i0, rows, column, shape.HeadDim), _k.Block(first, keys, keyColumn, shape.HeadDim).Transposed, s);
                for (int i = 0; i < rows; i++)
                {
                    int visible = past + i0 + i + 1;
                    (float max, float sum) = Softmax.ExponentialsInPlace(worker.InstructionSet, s.Row(i)[..visible], shape.Scale);
                    s.Row(i)[visible..].Clear();
                    Span<float> kept = _statistics.Row(first + i0 + i).Slice(2 * head, 2);
                    (kept[0], kept[1]) = (max, 1 / sum);
                }
                Gemm.MultiplyOnThisThread(worker, s, _v.Block(first, keys, keyColumn, shape.HeadDim), y);
                for (int i = 0; i < rows; i++)
                    TensorPrimitives.Multiply<float>(y.Row(i), _statistics.Row(first + i0 + i)[2 * head + 1], y.Row(i));
            }
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
            Span<float> probabilities = worker.Scratch(ScratchSlot.Scores, QueriesPerBlock * length);
            Span<float> gradients = worker.Scratch(ScratchSlot.ScoreGradients, QueriesPerBlock * length);
            for (int i0 = 0; i0 < length; i0 += QueriesPerBlock)
            {
                int rows = Math.Min(QueriesPerBlock, length - i0), keys = i0 + rows;
                MatrixSpan p = new(probabilities, rows, keys), ds = new(gradients, rows, keys);
                MatrixSpan q = _q.Block(first + i0, rows, column, shape.HeadDim), dy = _dy.Block(first + i0, rows, column, shape.HeadDim);
                MatrixSpan k = _k.Block(first, keys, keyColumn, shape.HeadDim), v = _v.Block(first, keys, keyColumn, shape.HeadDim);
                MatrixSpan y = _y.Block(first + i0, rows, column, shape.HeadDim);
                // In the forward pass s = scale q kᵀ, p = softmax(s), y = p v. Now dp = dy vᵀ,
                // ds = p ⊙ (dp - dy·y), dq = scale ds k, dk = scale dsᵀ q, dv = pᵀ dy.
                Gemm.MultiplyOnThisThread(worker, q, k.Transposed, p);
                Gemm.MultiplyOnThisThread(worker, dy, v.Transposed, ds);
                for (int i = 0; i < rows; i++)
                {
                    int visible = i0 + i + 1;
                    ReadOnlySpan<float> kept = _statistics.Row(first + i0 + i).Slice(2 * head, 2);
                    Softmax.Exponentials(worker.InstructionSet, p.Row(i)[..visible], shape.Scale, kept[0], kept[1]);
                    p.Row(i)[visible..].Clear();
                    ds.Row(i)[visible..].Clear();
                    // Σ p dp = dy·y, since y = p v and dp = dy vᵀ.
                    float inner = Reduce.Dot(worker.InstructionSet, dy.Row(i), y.Row(i));
                    Softmax.Backward(worker.InstructionSet, p.Row(i)[..visible], inner, shape.Scale, ds.Row(i)[..visible]);
                }
                Gemm.MultiplyOnThisThread(worker, ds, k, _dq.Block(first + i0, rows, column, shape.HeadDim), accumulate: true);
                Gemm.MultiplyOnThisThread(worker, ds.Transposed, q, _dk.Block(first, keys, keyColumn, shape.HeadDim), accumulate: true);
                Gemm.MultiplyOnThisThread(worker, p.Transposed, dy, _dv.Block(first, keys, keyColumn, shape.HeadDim), accumulate: true);
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
