using System.Numerics.Tensors;
using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>
    /// Every column brought from one length to another, y[t, j] = x[t, j] m[j] / n[j], the lengths n being constants:
    /// dx[t, j] = dy[t, j] m[j] / n[j], dm[j] = Σ over rows of dy[t, j] x[t, j] / n[j]. Where n[j] is 0, y is 0.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">[tokens, n].</param>
    /// <param name="magnitude">m [n].</param>
    /// <param name="lengths">n [n].</param>
    /// <param name="inPlace">
    /// Write y over x, which is then the result: the two share one gradient, and dm[j] = Σ dy[t, j] y[t, j] / m[j] needs no x.
    /// x must be an op's output whose value no op has kept for the way back. Where an m[j] is 0 that cannot be, and y is another
    /// tensor after all.
    /// </param>
    public static Tensor Rescale(Tape tape, Tensor x, Tensor magnitude, Tensor lengths, bool inPlace = false)
    {
        Check.Matrix("Rescale", "x", x);
        Check.Shape("Rescale", "magnitude", magnitude, new Shape(x.Shape[1]), "x", x.Shape);
        Check.Shape("Rescale", "lengths", lengths, new Shape(x.Shape[1]), "x", x.Shape);
        if (inPlace && x is Parameter) throw new ArgumentException($"Rescale: only another op's output can be rescaled in place, got {x}.");
        inPlace &= !magnitude.Data.Contains(0);
        Tensor factors = tape.Allocate(magnitude.Shape, "factors"), inverse = tape.Allocate(magnitude.Shape, "inverse lengths");
        for (int j = 0; j < lengths.Data.Length; j++)
        {
            (float m, float n) = (magnitude.Data[j], lengths.Data[j]);
            // A quotient, so that equal lengths give exactly 1. In place, what stands in for x is y n / m.
            (factors.Data[j], inverse.Data[j]) = n == 0 ? (0, 0) : (m / n, inPlace ? 1 / m : 1 / n);
        }
        Tensor y = inPlace ? x : tape.Allocate(x.Shape, "rescaled");
        RescaleJob job = new(x.Matrix, factors.Data, y.Matrix, add: false);
        tape.Cpu.Run(RowBlocks.Count(x.Shape.Rows), ref job);
        if (tape.Records(x, magnitude)) tape.Record(y, new RescaleNode(x, magnitude, factors, inverse));
        return y;
    }

    /// <summary>y = x ⊙ factors in every row, or y += that; y may be x.</summary>
    internal readonly ref struct RescaleJob(MatrixSpan x, Span<float> factors, MatrixSpan y, bool add) : IJob
    {
        private readonly MatrixSpan _x = x, _y = y;
        private readonly Span<float> _factors = factors;

        public void Run(int item, Worker worker)
        {
            (int first, int last) = RowBlocks.Range(item, _x.Rows);
            for (int t = first; t < last; t++)
            {
                if (add) TensorPrimitives.MultiplyAdd<float>(_x.Row(t), _factors, _y.Row(t), _y.Row(t));
                else TensorPrimitives.Multiply<float>(_x.Row(t), _factors, _y.Row(t));
            }
        }
    }
}

file readonly record struct RescaleNode(Tensor X, Tensor Magnitude, Tensor Factors, Tensor Inverse) : INode
{
    private const int ColumnsPerTask = 256;

    public void Backward(Tape tape, Tensor y)
    {
        if (Magnitude.RequiresGradient)
        {
            MagnitudeJob job = new(X.Matrix, y.GradientMatrix, Inverse.Data, Magnitude.Gradient);
            tape.Cpu.Run(Ceiling.OfRatio(X.Shape.Columns, ColumnsPerTask), ref job);
        }
        if (!X.RequiresGradient) return;
        // In place, the gradient of x lies where that of y does.
        bool add = false;
        MatrixSpan dx = ReferenceEquals(X, y) ? y.GradientMatrix : X.GradientToWrite(out add);
        Op.RescaleJob back = new(y.GradientMatrix, Factors.Data, dx, add);
        tape.Cpu.Run(RowBlocks.Count(X.Shape.Rows), ref back);
    }

    /// <summary>dm of a run of columns; rows are added in order, so the sum has one order.</summary>
    private readonly ref struct MagnitudeJob(MatrixSpan x, MatrixSpan dy, Span<float> inverse, Span<float> dm) : IJob
    {
        private readonly MatrixSpan _x = x, _dy = dy;
        private readonly Span<float> _inverse = inverse, _dm = dm;

        public void Run(int item, Worker worker)
        {
            int first = item * ColumnsPerTask, count = Math.Min(ColumnsPerTask, _x.Columns - first);
            Span<float> sum = worker.Scratch(ScratchSlot.RowValues, count);
            sum.Clear();
            for (int t = 0; t < _x.Rows; t++) TensorPrimitives.MultiplyAdd<float>(_dy.Row(t).Slice(first, count), _x.Row(t).Slice(first, count), sum, sum);
            TensorPrimitives.MultiplyAdd<float>(sum, _inverse.Slice(first, count), _dm.Slice(first, count), _dm.Slice(first, count));
        }
    }
}
