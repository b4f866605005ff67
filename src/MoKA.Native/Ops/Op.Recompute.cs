using MoKA.Native.Autograd;
using MoKA.Native.Kernels;

namespace MoKA.Native.Ops;

/// <summary>A part of a model from one tensor to one tensor, as a value: recording it puts nothing on the managed heap.</summary>
public interface ISegment
{
    /// <summary>The part's output for x; the same ops in the same order each time it is asked.</summary>
    Tensor Forward(Tape tape, Tensor x);
}

public static partial class Op
{
    /// <summary>
    /// Runs a part of a model and keeps its output alone; the way back runs the part again first (Chen et al.,
    /// arXiv 1604.06174). A model of L such parts holds L outputs and the activations of one part, and does the forward
    /// arithmetic twice. Dropout draws the same numbers both times, so every result has the same bits as without it.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">What the part is applied to.</param>
    /// <param name="segment">The part. What it reads beside x must not change until the way back.</param>
    public static Tensor Recompute<TSegment>(Tape tape, Tensor x, TSegment segment) where TSegment : struct, ISegment
    {
        ulong firstStream = tape.Streams;
        Tape inner = tape.Inner(firstStream);
        Tensor result = segment.Forward(inner, x);
        tape.Streams = inner.Streams;
        Tensor y = tape.Allocate(result.Shape, result.Name);
        result.Data.CopyTo(y.Data);
        if (result.RequiresGradient) tape.Record(y, new RecomputeNode<TSegment>(x, segment, firstStream));
        return y;
    }
}

file readonly record struct RecomputeNode<TSegment>(Tensor X, TSegment Segment, ulong FirstStream) : INode where TSegment : struct, ISegment
{
    public void Backward(Tape tape, Tensor y)
    {
        Tape inner = tape.Inner(FirstStream);
        Tensor again = Segment.Forward(inner, X);
        // A part may hand back x itself, which has gathered gradients already.
        Span<float> gradient = again.GradientToWrite(out bool add).Data;
        if (add) Addition.Run(tape.Cpu, gradient, y.Gradient, gradient);
        else y.Gradient.CopyTo(gradient);
        inner.PassGradientsOn();
    }
}
