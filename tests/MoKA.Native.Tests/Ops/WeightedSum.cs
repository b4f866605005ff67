using System.Numerics.Tensors;
using MoKA.Native.Autograd;

namespace MoKA.Native.Tests.Ops;

/// <summary>
/// L = Σ w[i] y[i], an op defined outside the library in its three lines: allocate, compute, record. It puts a random
/// gradient behind the op under test.
/// </summary>
internal static class WeightedSum
{
    public static Tensor Of(Tape tape, Tensor y, float[] weights)
    {
        Tensor loss = tape.Allocate(new Shape(1), "weighted sum");
        loss.Data[0] = TensorPrimitives.Dot<float>(y.Data, weights);
        if (tape.Records(y)) tape.Record(loss, new WeightedSumNode(y, weights));
        return loss;
    }
}

file readonly record struct WeightedSumNode(Tensor Y, float[] Weights) : INode
{
    public void Backward(Tape tape, Tensor loss) => TensorPrimitives.MultiplyAdd<float>(Weights, loss.Gradient[0], Y.Gradient, Y.Gradient);
}
