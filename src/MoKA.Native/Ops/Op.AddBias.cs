using System.Numerics.Tensors;
using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>The same numbers added to every row, y[t] = x[t] + b; dx = dy, db = Σ over rows of dy[t].</summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">[tokens, n].</param>
    /// <param name="bias">b [n].</param>
    /// <param name="inPlace">
    /// Write the sum over x, which is then the result: the two share one gradient. x must be an op's output whose value no
    /// op has kept for the way back.
    /// </param>
    public static Tensor AddBias(Tape tape, Tensor x, Tensor bias, bool inPlace = false)
    {
        Check.Matrix("AddBias", "x", x);
        Check.Shape("AddBias", "bias", bias, new Shape(x.Shape.Columns), "x", x.Shape);
        if (inPlace && x is Parameter) throw new ArgumentException($"AddBias: only another op's output can take the sum in place, got {x}.");
        Tensor y = inPlace ? x : tape.Allocate(x.Shape, "biased");
        AddBiasJob job = new(x.Matrix, bias.Data, y.Matrix);
        tape.Cpu.Run(RowBlocks.Count(x.Shape.Rows), ref job);
        // In place, the gradient of x is that of y and nothing has to be passed on to it.
        if (inPlace ? tape.Records(bias) : tape.Records(x, bias)) tape.Record(y, new AddBiasNode(x, bias));
        return y;
    }

    private readonly ref struct AddBiasJob(MatrixSpan x, Span<float> bias, MatrixSpan y) : IJob
    {
        private readonly MatrixSpan _x = x, _y = y;
        private readonly Span<float> _bias = bias;

        public void Run(int item, Worker worker)
        {
            (int first, int last) = RowBlocks.Range(item, _x.Rows);
            for (int t = first; t < last; t++) TensorPrimitives.Add<float>(_x.Row(t), _bias, _y.Row(t));
        }
    }
}

file readonly record struct AddBiasNode(Tensor X, Tensor Bias) : INode
{
    public void Backward(Tape tape, Tensor y)
    {
        if (Bias.RequiresGradient)
        {
            // Rows are added in order, one after another, so the sum has one order.
            MatrixSpan dy = y.GradientMatrix;
            for (int t = 0; t < dy.Rows; t++) TensorPrimitives.Add<float>(Bias.Gradient, dy.Row(t), Bias.Gradient);
        }
        if (ReferenceEquals(X, y) || !X.RequiresGradient) return;
        Span<float> dx = X.GradientToWrite(out bool add).Data;
        if (add) Addition.Run(tape.Cpu, dx, y.Gradient, dx);
        else y.Gradient.CopyTo(dx);
    }
}
