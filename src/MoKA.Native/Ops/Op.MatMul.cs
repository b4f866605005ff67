using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Ops;

/// <summary>
/// The operations, one file each: formula, forward, backward. An op computes its output into the tape's memory and, when
/// an input needs a gradient, records a node that knows the way back. A new op outside this library is the same three
/// lines: allocate, compute, record.
/// </summary>
public static partial class Op
{
    /// <summary>
    /// Matrix product c = op(a) op(b), op being the transpose where asked. With c' = dL/dc:
    /// dL/d op(a) = c' op(b)ᵀ and dL/d op(b) = op(a)ᵀ c'.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="a">[m, k], or [k, m] when transposed; more dimensions are read as rows.</param>
    /// <param name="b">[k, n], or [n, k] when transposed.</param>
    /// <param name="transposeA">Multiply with aᵀ.</param>
    /// <param name="transposeB">Multiply with bᵀ: a linear layer's weight [out, in].</param>
    /// <param name="addTo">
    /// [m, n]: the product is added to this tensor in place and it is the result, so that both share one gradient. No op
    /// may have kept its earlier value for the way back.
    /// </param>
    /// <returns>[m, n].</returns>
    public static Tensor MatMul(Tape tape, Tensor a, Tensor b, bool transposeA = false, bool transposeB = false, Tensor? addTo = null)
    {
        MatrixSpan left = Oriented(a.Matrix, transposeA), right = Oriented(b.Matrix, transposeB);
        if (left.Columns != right.Rows)
            throw new ArgumentException($"MatMul: the inner lengths must be equal, got {a}{(transposeA ? "ᵀ" : "")} and {b}{(transposeB ? "ᵀ" : "")}.");
        Shape shape = transposeA ? new Shape(left.Rows, right.Columns) : a.Shape.WithColumns(right.Columns);
        if (addTo is not null) Check.Shape("MatMul", "addTo", addTo, shape, "a and b", shape);
        Tensor c = addTo ?? tape.Allocate(shape, "matmul");
        Gemm.Multiply(tape.Cpu, left, right, c.Matrix, accumulate: addTo is not null);
        if (tape.Records(a, b)) tape.Record(c, new MatMulNode(a, b, transposeA, transposeB));
        return c;
    }

    internal static MatrixSpan Oriented(MatrixSpan matrix, bool transpose) => transpose ? matrix.Transposed : matrix;
}

file readonly record struct MatMulNode(Tensor A, Tensor B, bool TransposeA, bool TransposeB) : INode
{
    public void Backward(Tape tape, Tensor c)
    {
        MatrixSpan dc = c.GradientMatrix;
        if (A.RequiresGradient)
        {
            MatrixSpan right = Op.Oriented(B.Matrix, TransposeB);
            MatrixSpan da = A.GradientToWrite(out bool add);
            if (TransposeA) Gemm.Multiply(tape.Cpu, right, dc.Transposed, da, add);
            else Gemm.Multiply(tape.Cpu, dc, right.Transposed, da, add);
        }
        if (B.RequiresGradient)
        {
            MatrixSpan left = Op.Oriented(A.Matrix, TransposeA);
            MatrixSpan db = B.GradientToWrite(out bool add);
            if (TransposeB) Gemm.Multiply(tape.Cpu, dc.Transposed, left, db, add);
            else Gemm.Multiply(tape.Cpu, left.Transposed, dc, db, add);
        }
    }
}
