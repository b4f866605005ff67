using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>
    /// Root-mean-square normalisation (Zhang and Sennrich, arXiv 1910.07467), row by row over n columns:
    /// y = gain ⊙ x r with r = 1 / √(Σ x² / n + ε). With u = gain ⊙ dy:
    /// dx = r (u - x r² (u·x) / n), dgain = Σ over rows of dy ⊙ x r.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">[.., n].</param>
    /// <param name="gain">[n].</param>
    /// <param name="epsilon">ε, keeps a row of zeros finite.</param>
    public static Tensor RmsNorm(Tape tape, Tensor x, Tensor gain, float epsilon)
    {
        Check.Shape("RmsNorm", "gain", gain, new Shape(x.Shape.Columns), "x", x.Shape);
        Tensor y = tape.Allocate(x.Shape, "rmsnorm");
        Tensor inverse = tape.Allocate(new Shape(x.Shape.Rows), "inverse root mean square");
        new RmsNormMaker(x, gain, inverse, epsilon).Make(tape, y);
        if (tape.Records(x, gain)) tape.Record(y, new RmsNormNode(x, gain, inverse));
        return y;
    }

    /// <summary>Gives the memory of y = RmsNorm(x, gain) back until the way back makes it again; every result has the same bits as without this.</summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="y">What <see cref="RmsNorm"/> gave; its numbers can no longer be read.</param>
    /// <param name="x">What it was made of.</param>
    /// <param name="gain">The same.</param>
    /// <param name="epsilon">The same.</param>
    /// <param name="reader">What all that reads y has led to: an output that needs a gradient if any of it does.</param>
    public static void ForgetRmsNorm(Tape tape, Tensor y, Tensor x, Tensor gain, float epsilon, Tensor reader)
    {
        Check.Shape("ForgetRmsNorm", "y", y, x.Shape, "x", x.Shape);
        Tensor inverse = tape.Allocate(new Shape(x.Shape.Rows), "inverse root mean square");
        Forget("ForgetRmsNorm", tape, y, reader, new RmsNormMaker(x, gain, inverse, epsilon));
    }

    private readonly record struct RmsNormMaker(Tensor X, Tensor Gain, Tensor Inverse, float Epsilon) : IMaker
    {
        public void Make(Tape tape, Tensor y)
        {
            RmsNormForwardJob job = new(X.Matrix, Gain.Data, Inverse.Data, y.Matrix, Epsilon);
            tape.Cpu.Run(RowBlocks.Count(X.Shape.Rows), ref job);
        }
    }

    private readonly ref struct RmsNormForwardJob(MatrixSpan x, Span<float> gain, Span<float> inverse, MatrixSpan y, float epsilon) : IJob
    {
        private readonly MatrixSpan _x = x, _y = y;
        private readonly Span<float> _gain = gain, _inverse = inverse;

        public void Run(int item, Worker worker)
        {
            (int first, int last) = RowBlocks.Range(item, _x.Rows);
            for (int i = first; i < last; i++)
            {
                Span<float> x = _x.Row(i);
                float r = 1 / MathF.Sqrt(Reduce.Dot(worker.InstructionSet, x, x) / x.Length + epsilon);
                _inverse[i] = r;
                RmsNormKernels.Forward(worker.InstructionSet, x, _gain, r, _y.Row(i));
            }
        }
    }
}

file readonly record struct RmsNormNode(Tensor X, Tensor Gain, Tensor Inverse) : INode
{
    public void Backward(Tape tape, Tensor y)
    {
        if (X.RequiresGradient)
        {
            MatrixSpan dx = X.GradientToWrite(out bool add);
            BackwardJob job = new(X.Matrix, Gain.Data, Inverse.Data, y.GradientMatrix, dx, add);
            tape.Cpu.Run(RowBlocks.Count(X.Shape.Rows), ref job);
        }
        if (Gain.RequiresGradient)
        {
            // Rows are added in order, one after another, so the sum has one order.
            MatrixSpan x = X.Matrix, dy = y.GradientMatrix;
            for (int i = 0; i < x.Rows; i++) RmsNormKernels.GainGradient(tape.Cpu.InstructionSet, x.Row(i), dy.Row(i), Inverse.Data[i], Gain.Gradient);
        }
    }

    private readonly ref struct BackwardJob(MatrixSpan x, Span<float> gain, Span<float> inverse, MatrixSpan dy, MatrixSpan dx, bool add) : IJob
    {
        private readonly MatrixSpan _x = x, _dy = dy, _dx = dx;
        private readonly Span<float> _gain = gain, _inverse = inverse;

        public void Run(int item, Worker worker)
        {
            (int first, int last) = RowBlocks.Range(item, _x.Rows);
            Span<float> u = worker.Scratch(ScratchSlot.RowValues, _x.Columns);
            for (int i = first; i < last; i++)
                RmsNormKernels.Backward(worker.InstructionSet, _x.Row(i), _gain, _inverse[i], _dy.Row(i), u, _dx.Row(i), add);
        }
    }
}
