using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;
using MoKA.Native.Quantization;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>
    /// A frozen 4-bit linear layer: y = x Wᵀ with the dequantised W in float arithmetic, dx = dy W, and nothing for W
    /// (QLoRA, arXiv 2305.14314). W is dequantised panel by panel inside the product.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="weight">W [out, in].</param>
    /// <returns>[tokens, out].</returns>
    public static Tensor Int4Linear(Tape tape, Tensor x, Int4Matrix weight)
    {
        Check.Columns("Int4Linear", "x", x, weight.Columns, "weight", new Shape(weight.Rows, weight.Columns));
        Tensor y = tape.Allocate(x.Shape.WithColumns(weight.Rows), "int4 linear");
        Gemm.Multiply(tape.Cpu, x.Matrix, new Int4Panels(weight.Codes, weight.Scales, weight.Columns, transpose: true), weight.Columns, weight.Rows, y.Matrix);
        GC.KeepAlive(weight); // its memory is native and must outlive the product that reads it through spans
        if (tape.Records(x)) tape.Record(y, new Int4LinearNode(x, weight));
        return y;
    }
}

file readonly record struct Int4LinearNode(Tensor X, Int4Matrix Weight) : INode
{
    public void Backward(Tape tape, Tensor y) =>
        Gemm.Multiply(tape.Cpu, y.GradientMatrix, new Int4Panels(Weight.Codes, Weight.Scales, Weight.Columns, transpose: false), Weight.Rows, Weight.Columns, X.GradientToWrite(out bool add), add);
}
