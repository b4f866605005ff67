using System.Numerics.Tensors;
using MoKA.Native.Autograd;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>y = c x for a constant c; dx = c dy. For c = 1 it is x itself.</summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="factor">c.</param>
    public static Tensor Scale(Tape tape, Tensor x, float factor)
    {
        if (factor == 1) return x;
        Tensor y = tape.Allocate(x.Shape, "scaled");
        TensorPrimitives.Multiply<float>(x.Data, factor, y.Data);
        if (tape.Records(x)) tape.Record(y, new ScaleNode(x, factor));
        return y;
    }
}

file readonly record struct ScaleNode(Tensor X, float Factor) : INode
{
    public void Backward(Tape tape, Tensor y)
    {
        Span<float> dx = X.GradientToWrite(out bool add).Data;
        if (add) TensorPrimitives.MultiplyAdd<float>(y.Gradient, Factor, dx, dx);
        else TensorPrimitives.Multiply<float>(y.Gradient, Factor, dx);
    }
}
