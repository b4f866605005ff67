using MoKA.Native.Autograd;
using MoKA.Native.Ops;

namespace MoKA.Native.LinearAlgebra;

/// <summary>A product with every row of x; the result lives on the tape.</summary>
/// <param name="tape">The pass, without gradients.</param>
/// <param name="x">[vectors, length].</param>
public delegate Tensor RowProduct(Tape tape, Tensor x);

/// <summary>
/// A matrix D that is known by its products alone, so that a sum of Kronecker products or a low-rank update is never
/// written out. Vectors lie as rows.
/// </summary>
/// <param name="Rows">Of D.</param>
/// <param name="Columns">Of D.</param>
/// <param name="Times">X Dᵀ [vectors, Rows] for X [vectors, Columns]: D times each row.</param>
/// <param name="TransposeTimes">Y D [vectors, Columns] for Y [vectors, Rows]: Dᵀ times each row.</param>
public sealed record LinearOperator(int Rows, int Columns, RowProduct Times, RowProduct TransposeTimes)
{
    /// <summary>A matrix [rows, columns] that is written out, and must stay as it is.</summary>
    public static LinearOperator Of(Tensor matrix) => new(matrix.Shape[0], matrix.Shape[1],
        (tape, x) => Op.MatMul(tape, x, matrix, transposeB: true), (tape, y) => Op.MatMul(tape, y, matrix));
}
