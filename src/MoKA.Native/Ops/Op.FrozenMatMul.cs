using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Quantization;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>
    /// The product with a frozen linear layer, whose weight is stored in 4 bits or otherwise: y = x Wᵀ with the dequantised W in float
    /// arithmetic, dx = dy W, and nothing for W (QLoRA, arXiv 2305.14314). W is dequantised panel by panel inside the product.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="weight">W [out, in].</param>
    /// <returns>[tokens, out].</returns>
    public static Tensor FrozenMatMul(Tape tape, Tensor x, FrozenMatrix weight)
    {
        Check.Columns("FrozenMatMul", "x", x, weight.Columns, "weight", new Shape(weight.Rows, weight.Columns));
        Tensor y = tape.Allocate(x.Shape.WithColumns(weight.Rows), "frozen matmul");
        weight.Multiply(tape.Cpu, x.Matrix, y.Matrix, transpose: true);
        if (tape.Records(x)) tape.Record(y, new FrozenMatMulNode(x, weight));
        return y;
    }
}

file readonly record struct FrozenMatMulNode(Tensor X, FrozenMatrix Weight) : INode
{
    public void Backward(Tape tape, Tensor y) => Weight.Multiply(tape.Cpu, y.GradientMatrix, X.GradientToWrite(out bool add), transpose: false, add);
}
