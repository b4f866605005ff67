using System.Numerics.Tensors;

namespace MoKA.Native.Kernels;

/// <summary>
/// The rows of the cross-entropy: row t loses ln Σ e^(logits[t]) - logits[t][labels[t]], or nothing when its label says
/// to ignore it.
/// </summary>
internal static class CrossEntropyKernel
{
    /// <summary>logits [tokens, vocabulary] to rows [tokens, 3]: the loss, the largest logit, and 1 / Σ e^(logit - largest).</summary>
    public static void Forward(Cpu cpu, MatrixSpan logits, ReadOnlySpan<int> labels, int ignoredLabel, MatrixSpan rows)
    {
        ForwardJob job = new(logits, labels, ignoredLabel, rows);
        cpu.Run(RowBlocks.Count(logits.Rows), ref job);
    }

    /// <summary>
    /// dlogits[t] = weight (softmax(logits[t]) - onehot(labels[t])), added to what is there where asked.
    /// </summary>
    public static void Backward(Cpu cpu, MatrixSpan logits, ReadOnlySpan<int> labels, int ignoredLabel, MatrixSpan rows, float weight, MatrixSpan dLogits, bool add)
    {
        BackwardJob job = new(logits, labels, ignoredLabel, rows, weight, dLogits, add);
        cpu.Run(RowBlocks.Count(logits.Rows), ref job);
    }

    /// <summary>
    /// Both in one walk: writes the losses [tokens, 1] and turns the logits into their gradients, with the bits of the two
    /// above.
    /// </summary>
    public static void ForwardAndBackward(Cpu cpu, MatrixSpan logits, ReadOnlySpan<int> labels, int ignoredLabel, Span<float> losses, float weight)
    {
        ForwardAndBackwardJob job = new(logits, labels, ignoredLabel, losses, weight);
        cpu.Run(RowBlocks.Count(logits.Rows), ref job);
    }

    private readonly ref struct ForwardAndBackwardJob(MatrixSpan logits, ReadOnlySpan<int> labels, int ignoredLabel, Span<float> losses, float weight) : IJob
    {
        private readonly MatrixSpan _logits = logits;
        private readonly ReadOnlySpan<int> _labels = labels;
        private readonly Span<float> _losses = losses;

        public void Run(int item, Worker worker)
        {
            (int first, int last) = RowBlocks.Range(item, _logits.Rows);
            for (int t = first; t < last; t++)
            {
                Span<float> row = _logits.Row(t);
                _losses[t] = 0;
                if (_labels[t] == ignoredLabel)
                {
                    row.Clear();
                    continue;
                }
                float target = row[_labels[t]];
                (float max, float sum) = Softmax.ExponentialsInPlace(worker.InstructionSet, row, 1);
                _losses[t] = MathF.Log(sum) + max - target;
                TensorPrimitives.Multiply<float>(row, 1 / sum, row);
                row[_labels[t]] -= 1;
                TensorPrimitives.Multiply<float>(row, weight, row);
            }
        }
    }

    private readonly ref struct ForwardJob(MatrixSpan logits, ReadOnlySpan<int> labels, int ignoredLabel, MatrixSpan rows) : IJob
    {
        private readonly MatrixSpan _logits = logits, _rows = rows;
        private readonly ReadOnlySpan<int> _labels = labels;

        public void Run(int item, Worker worker)
        {
            (int first, int last) = RowBlocks.Range(item, _logits.Rows);
            Span<float> exponentials = worker.Scratch(ScratchSlot.RowValues, _logits.Columns);
            for (int t = first; t < last; t++)
            {
                Span<float> row = _rows.Row(t);
                row.Clear();
                if (_labels[t] == ignoredLabel) continue;
                _logits.Row(t).CopyTo(exponentials);
                (float max, float sum) = Softmax.ExponentialsInPlace(worker.InstructionSet, exponentials, 1);
                row[0] = MathF.Log(sum) + max - _logits.At(t, _labels[t]);
                (row[1], row[2]) = (max, 1 / sum);
            }
        }
    }

    private readonly ref struct BackwardJob(MatrixSpan logits, ReadOnlySpan<int> labels, int ignoredLabel, MatrixSpan rows, float weight, MatrixSpan dLogits, bool add) : IJob
    {
        private readonly MatrixSpan _logits = logits, _rows = rows, _dLogits = dLogits;
        private readonly ReadOnlySpan<int> _labels = labels;

        public void Run(int item, Worker worker)
        {
            (int first, int last) = RowBlocks.Range(item, _logits.Rows);
            Span<float> scratch = worker.Scratch(ScratchSlot.RowValues, _logits.Columns);
            for (int t = first; t < last; t++)
            {
                Span<float> dLogits = _dLogits.Row(t), p = add ? scratch : dLogits;
                if (_labels[t] == ignoredLabel)
                {
                    if (!add) dLogits.Clear();
                    continue;
                }
                _logits.Row(t).CopyTo(p);
                Softmax.Exponentials(worker.InstructionSet, p, 1, _rows.At(t, 1), _rows.At(t, 2));
                p[_labels[t]] -= 1;
                TensorPrimitives.Multiply<float>(p, weight, p);
                if (add) TensorPrimitives.Add<float>(dLogits, p, dLogits);
            }
        }
    }
}
