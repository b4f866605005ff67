using System.Numerics.Tensors;
using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>The label of a position that has no target.</summary>
    public const int IgnoredLabel = -100;

    /// <summary>
    /// Mean cross-entropy in nats over the positions that have a target: -Σ ln softmax(logits[t])[labels[t]] / targets.
    /// d logits[t] = (softmax(logits[t]) - onehot(labels[t])) / targets, and zero where the label is ignored.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="logits">[tokens, vocabulary].</param>
    /// <param name="labels">[tokens], ids or <see cref="IgnoredLabel"/>; must stay until the backward pass.</param>
    /// <returns>[1]; 0 when every label is ignored.</returns>
    public static Tensor CrossEntropy(Tape tape, Tensor logits, ReadOnlyMemory<int> labels)
    {
        Check.Matrix("CrossEntropy", "logits", logits);
        if (labels.Length != logits.Shape[0]) throw new ArgumentException($"CrossEntropy: there must be one label for each row of {logits}, got {labels.Length}.");
        int vocabulary = logits.Shape[1], targets = 0;
        foreach (int label in labels.Span)
        {
            if (label == IgnoredLabel) continue;
            if ((uint)label >= (uint)vocabulary) throw new ArgumentException($"CrossEntropy: a label must be {IgnoredLabel} or an id from 0 to {vocabulary - 1}, got {label}.");
            targets++;
        }
        Tensor loss = tape.Allocate(new Shape(1), "cross-entropy");
        Tensor rows = tape.Allocate(new Shape(logits.Shape[0], 3), "row losses, maxima and sums");
        CrossEntropyForwardJob job = new(logits.Matrix, labels.Span, rows.Matrix);
        tape.Cpu.Run(RowBlocks.Count(logits.Shape[0]), ref job);
        double sum = 0;
        for (int t = 0; t < logits.Shape[0]; t++) sum += rows.Data[3 * t];
        loss.Data[0] = targets == 0 ? 0 : (float)(sum / targets);
        if (tape.Records(logits)) tape.Record(loss, new CrossEntropyNode(logits, labels, rows, targets));
        return loss;
    }

    private readonly ref struct CrossEntropyForwardJob(MatrixSpan logits, ReadOnlySpan<int> labels, MatrixSpan rows) : IJob
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
                if (_labels[t] == IgnoredLabel) continue;
                _logits.Row(t).CopyTo(exponentials);
                (float max, float sum) = Softmax.ExponentialsInPlace(worker.InstructionSet, exponentials, 1);
                row[0] = MathF.Log(sum) + max - _logits.At(t, _labels[t]);
                (row[1], row[2]) = (max, 1 / sum);
            }
        }
    }
}

file readonly record struct CrossEntropyNode(Tensor Logits, ReadOnlyMemory<int> Labels, Tensor Rows, int Targets) : INode
{
    public void Backward(Tape tape, Tensor loss)
    {
        if (Targets == 0) return;
        BackwardJob job = new(Logits.Matrix, Labels.Span, Rows.Matrix, loss.Gradient[0] / Targets, Logits.GradientMatrix);
        tape.Cpu.Run(RowBlocks.Count(Logits.Shape[0]), ref job);
    }

    private readonly ref struct BackwardJob(MatrixSpan logits, ReadOnlySpan<int> labels, MatrixSpan rows, float weight, MatrixSpan dLogits) : IJob
    {
        private readonly MatrixSpan _logits = logits, _rows = rows, _dLogits = dLogits;
        private readonly ReadOnlySpan<int> _labels = labels;

        public void Run(int item, Worker worker)
        {
            (int first, int last) = RowBlocks.Range(item, _logits.Rows);
            Span<float> p = worker.Scratch(ScratchSlot.RowValues, _logits.Columns);
            for (int t = first; t < last; t++)
            {
                if (_labels[t] == Op.IgnoredLabel) continue;
                _logits.Row(t).CopyTo(p);
                Softmax.Exponentials(worker.InstructionSet, p, 1, _rows.At(t, 1), _rows.At(t, 2));
                p[_labels[t]] -= 1;
                TensorPrimitives.Multiply<float>(p, weight, p);
                TensorPrimitives.Add<float>(_dLogits.Row(t), p, _dLogits.Row(t));
            }
        }
    }
}
