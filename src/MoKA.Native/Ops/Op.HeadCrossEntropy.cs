using System.Numerics.Tensors;
using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>The most logits that exist at the same time, 128 MB of them, unless 64 rows need more.</summary>
    private const int LogitsAtOnce = 1 << 25;

    private const int FewestRowsAtOnce = 64, MostRowsAtOnce = 1024;

    /// <summary>
    /// <see cref="CrossEntropy"/> of a frozen head's logits, some rows at a time: the logits of all tokens, larger than any
    /// other activation of a large vocabulary, never exist together. Their gradient is known as soon as they are, so the
    /// head's way back, dx = dlogits W, is walked at once and dx alone is kept. A head that is trained keeps its logits.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">[tokens, dim].</param>
    /// <param name="head">From rows of dim to rows of logits, each row by itself; their gradient takes their place.</param>
    /// <param name="labels">[tokens], ids or <see cref="IgnoredLabel"/>; must stay until the backward pass.</param>
    /// <returns>[1]; 0 when every label is ignored.</returns>
    public static Tensor HeadCrossEntropy<THead>(Tape tape, Tensor x, THead head, ReadOnlyMemory<int> labels) where THead : struct, ISegment
    {
        Check.Matrix("HeadCrossEntropy", "x", x);
        // No rows cost nothing and show what the head is.
        Tensor none = head.Forward(tape.Inner(), tape.Allocate(new Shape(0, x.Shape[1]), "no rows"));
        if (none.RequiresGradient) return CrossEntropy(tape, head.Forward(tape, x), labels);
        int targets = CountTargets("HeadCrossEntropy", x, labels.Span, vocabulary: none.Shape[1]);
        Tensor loss = tape.Allocate(new Shape(1), "cross-entropy");
        Tensor dx = tape.Allocate(tape.Records(x) ? x.Shape : new Shape(0), "gradient of the head's input");
        int most = MostRowsOfLogits(none.Shape[1]);
        double sum = 0;
        for (int first = 0; first < x.Shape.Rows; first += most)
        {
            int rows = Math.Min(most, x.Shape.Rows - first);
            sum += LossOfRows(tape, x, head, labels.Span, targets, first, rows, dx);
        }
        loss.Data[0] = targets == 0 ? 0 : (float)(sum / targets);
        if (tape.Records(x)) tape.Record(loss, new HeadCrossEntropyNode(x, dx));
        return loss;
    }

    private static int MostRowsOfLogits(int vocabulary) => Math.Clamp(LogitsAtOnce / Math.Max(vocabulary, 1), FewestRowsAtOnce, MostRowsAtOnce);

    private static double LossOfRows<THead>(Tape tape, Tensor x, THead head, ReadOnlySpan<int> labels, int targets, int first, int rows, Tensor dx) where THead : struct, ISegment
    {
        Tape inner = tape.Inner();
        Tensor part = inner.Allocate(new Shape(rows, x.Shape[1]), "some rows");
        Span<float> place = x.Data.Slice(first * x.Shape[1], part.Shape.Count);
        place.CopyTo(part.Data);
        part.RequiresGradient = tape.Records(x);
        Tensor logits = head.Forward(inner, part), losses = inner.Allocate(new Shape(rows, 1), "row losses");
        CrossEntropyKernel.ForwardAndBackward(tape.Cpu, logits.Matrix, labels.Slice(first, rows), IgnoredLabel, losses.Data, 1f / Math.Max(targets, 1));
        if (part.RequiresGradient)
        {
            logits.LayGradientOverData();
            inner.PassGradientsOn();
            part.Gradient.CopyTo(dx.Data[(first * x.Shape[1])..]);
        }
        return SumOfLosses(losses);
    }
}

file readonly record struct HeadCrossEntropyNode(Tensor X, Tensor GradientOfX) : INode
{
    public void Backward(Tape tape, Tensor loss)
    {
        Span<float> dx = X.GradientToWrite(out bool add).Data;
        if (add) TensorPrimitives.MultiplyAdd<float>(GradientOfX.Data, loss.Gradient[0], dx, dx);
        else TensorPrimitives.Multiply<float>(GradientOfX.Data, loss.Gradient[0], dx);
    }
}
