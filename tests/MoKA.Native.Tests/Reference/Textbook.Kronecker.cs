using System.Numerics;

namespace MoKA.Native.Tests.Reference;

internal static partial class Textbook
{
    /// <summary>A ⊗ B as a matrix: element (i RowsB + p, j ColumnsB + q) is A[i, j] B[p, q].</summary>
    public static Matrix<T> Kronecker<T>(Matrix<T> a, Matrix<T> b) where T : IFloatingPointIeee754<T> =>
        Build(a.Rows * b.Rows, a.Columns * b.Columns, (row, column) => a[row / b.Rows, column / b.Columns] * b[row % b.Rows, column % b.Columns]);

    /// <summary>
    /// R(W) of Van Loan and Pitsianis: element ((i, j), (p, q)) is W[i RowsB + p, j ColumnsB + q], so that
    /// R(A ⊗ B) = vec(A) vec(B)ᵀ, both read row by row.
    /// </summary>
    public static Matrix<T> Rearranged<T>(Matrix<T> w, KroneckerShape s) where T : IFloatingPointIeee754<T> =>
        Build(s.RowsA * s.ColumnsA, s.RowsB * s.ColumnsB, (ij, pq) => w[ij / s.ColumnsA * s.RowsB + pq / s.ColumnsB, ij % s.ColumnsA * s.ColumnsB + pq % s.ColumnsB]);
}
