using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>
    /// The cross-entropy of each row by itself in nats, -ln softmax(head(x[t]))[labels[t]], some rows at a time: the logits
    /// of all rows never exist together. For measuring, so it records nothing.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">[tokens, dim].</param>
    /// <param name="head">From rows of dim to rows of logits, each row by itself.</param>
    /// <param name="labels">[tokens], ids or <see cref="IgnoredLabel"/>, whose loss is 0.</param>
    /// <returns>[tokens, 1].</returns>
    public static Tensor HeadLosses<THead>(Tape tape, Tensor x, THead head, ReadOnlyMemory<int> labels) where THead : struct, ISegment
    {
        Check.Matrix("HeadLosses", "x", x);
        if (tape.Records(x)) throw new InvalidOperationException("HeadLosses: it has no gradient; use HeadCrossEntropy to train.");
        int vocabulary = head.Forward(tape.Inner(), tape.Allocate(new Shape(0, x.Shape[1]), "no rows")).Shape[1];
        CountTargets("HeadLosses", x, labels.Span, vocabulary);
        Tensor losses = tape.Allocate(new Shape(x.Shape[0], 1), "token losses");
        int most = MostRowsOfLogits(vocabulary);
        for (int first = 0; first < x.Shape[0]; first += most)
        {
            int rows = Math.Min(most, x.Shape[0] - first);
            Tape inner = tape.Inner();
            Tensor part = inner.Allocate(new Shape(rows, x.Shape[1]), "some rows"), values = inner.Allocate(new Shape(rows, 3), "row losses, maxima and sums");
            x.Data.Slice(first * x.Shape[1], part.Shape.Count).CopyTo(part.Data);
            CrossEntropyKernel.Forward(tape.Cpu, head.Forward(inner, part).Matrix, labels.Span.Slice(first, rows), IgnoredLabel, values.Matrix);
            for (int i = 0; i < rows; i++) losses.Data[first + i] = values.Data[3 * i];
        }
        return losses;
    }
}
