using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>Elementwise sum y = a + b; both inputs receive dL/dy.</summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="a">Any shape.</param>
    /// <param name="b">The same shape.</param>
    /// <param name="inPlace">
    /// Write the sum over b, which is then the result: the two share one gradient. b must be an op's output whose value
    /// no op has kept for the way back, and not a.
    /// </param>
    public static Tensor Add(Tape tape, Tensor a, Tensor b, bool inPlace = false)
    {
        Check.Shape("Add", "b", b, a.Shape, "a", a.Shape);
        if (inPlace && (b is Parameter || ReferenceEquals(a, b))) throw new ArgumentException($"Add: only another op's output can take the sum in place, got {b}.");
        Tensor y = inPlace ? b : tape.Allocate(a.Shape, "sum");
        Addition.Run(tape.Cpu, a.Data, b.Data, y.Data);
        if (tape.Records(a, b)) tape.Record(y, new AddNode(a, b));
        return y;
    }
}

file readonly record struct AddNode(Tensor A, Tensor B) : INode
{
    public void Backward(Tape tape, Tensor y)
    {
        PassOn(tape, y, A);
        if (!ReferenceEquals(B, y)) PassOn(tape, y, B);
    }

    private static void PassOn(Tape tape, Tensor y, Tensor input)
    {
        if (!input.RequiresGradient) return;
        Span<float> gradient = input.GradientToWrite(out bool add).Data;
        if (add) Addition.Run(tape.Cpu, gradient, y.Gradient, gradient);
        else y.Gradient.CopyTo(gradient);
    }
}
