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
    public static Tensor Add(Tape tape, Tensor a, Tensor b)
    {
        Check.Shape("Add", "b", b, a.Shape, "a", a.Shape);
        Tensor y = tape.Allocate(a.Shape, "sum");
        Addition.Run(tape.Cpu, a.Data, b.Data, y.Data);
        if (tape.Records(a, b)) tape.Record(y, new AddNode(a, b));
        return y;
    }
}

file readonly record struct AddNode(Tensor A, Tensor B) : INode
{
    public void Backward(Tape tape, Tensor y)
    {
        if (A.RequiresGradient) Addition.Run(tape.Cpu, A.Gradient, y.Gradient, A.Gradient);
        if (B.RequiresGradient) Addition.Run(tape.Cpu, B.Gradient, y.Gradient, B.Gradient);
    }
}
