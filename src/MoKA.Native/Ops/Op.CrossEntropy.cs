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
        int targets = CountTargets("CrossEntropy", logits, labels.Span, vocabulary: logits.Shape[1]);
        Tensor loss = tape.Allocate(new Shape(1), "cross-entropy");
        Tensor rows = tape.Allocate(new Shape(logits.Shape[0], 3), "row losses, maxima and sums");
        CrossEntropyKernel.Forward(tape.Cpu, logits.Matrix, labels.Span, IgnoredLabel, rows.Matrix);
        loss.Data[0] = targets == 0 ? 0 : (float)(SumOfLosses(rows) / targets);
        if (tape.Records(logits)) tape.Record(loss, new CrossEntropyNode(logits, labels, rows, targets));
        return loss;
    }

    /// <summary>How many labels are ids; throws when one is neither an id nor <see cref="IgnoredLabel"/>.</summary>
    internal static int CountTargets(string op, Tensor rows, ReadOnlySpan<int> labels, int vocabulary)
    {
        if (labels.Length != rows.Shape[0]) throw new ArgumentException($"{op}: there must be one label for each row of {rows}, got {labels.Length}.");
        int targets = 0;
        foreach (int label in labels)
        {
            if (label == IgnoredLabel) continue;
            if ((uint)label >= (uint)vocabulary) throw new ArgumentException($"{op}: a label must be {IgnoredLabel} or an id from 0 to {vocabulary - 1}, got {label}.");
            targets++;
        }
        return targets;
    }

    /// <summary>The first column of what <see cref="CrossEntropyKernel.Forward"/> wrote, summed in order.</summary>
    internal static double SumOfLosses(Tensor rows)
    {
        double sum = 0;
        for (int i = 0; i < rows.Shape.Count; i += rows.Shape[1]) sum += rows.Data[i];
        return sum;
    }
}

file readonly record struct CrossEntropyNode(Tensor Logits, ReadOnlyMemory<int> Labels, Tensor Rows, int Targets) : INode
{
    public void Backward(Tape tape, Tensor loss)
    {
        if (Targets == 0) return;
        MatrixSpan dLogits = Logits.GradientToWrite(out bool add);
        CrossEntropyKernel.Backward(tape.Cpu, Logits.Matrix, Labels.Span, Op.IgnoredLabel, Rows.Matrix, loss.Gradient[0] / Targets, dLogits, add);
    }
}
