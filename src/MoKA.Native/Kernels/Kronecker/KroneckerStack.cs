namespace MoKA.Native.Kernels;

/// <summary>
/// R filters of one shape laid side by side so that two products apply them all. Let a be the row and column lengths of
/// A, b those of B.
/// </summary>
/// <remarks>
/// B first: Ã [RowsA, ColumnsA R] with Ã[i, j R + r] = A_r[i, j], and B̃ [R RowsB, ColumnsB], the B_r under one another.
/// The intermediate of a token is X B̃ᵀ, which lies as [ColumnsA R, RowsB]: exactly what Ã multiplies.
/// A first: Ã [RowsA R, ColumnsA] with Ã[i R + r, j] = A_r[i, j], and B̃ [RowsB, R ColumnsB], the B_r beside one another.
/// The intermediate is Ã X, which lies as [RowsA, R ColumnsB]: exactly what B̃ᵀ is multiplied by.
/// </remarks>
internal readonly ref struct KroneckerStack(KroneckerShape shape, int filters, Span<float> stackA, Span<float> stackB)
{
    public readonly KroneckerShape Shape = shape;
    public readonly int Filters = filters;
    public readonly MatrixSpan A = shape.AFirst ? new(stackA, shape.RowsA * filters, shape.ColumnsA) : new(stackA, shape.RowsA, shape.ColumnsA * filters);
    public readonly MatrixSpan B = shape.AFirst ? new(stackB, shape.RowsB, filters * shape.ColumnsB) : new(stackB, filters * shape.RowsB, shape.ColumnsB);

    /// <summary>How many floats lie between the two products, per token.</summary>
    public int IntermediatePerToken => Filters * (Shape.AFirst ? Shape.RowsA * Shape.ColumnsB : Shape.ColumnsA * Shape.RowsB);

    /// <summary>A_r's place inside Ã.</summary>
    public MatrixSpan FilterA(int r) => Shape.AFirst
        ? new MatrixSpan(A.Data[(r * Shape.ColumnsA)..], Shape.RowsA, Shape.ColumnsA, Filters * Shape.ColumnsA, 1)
        : new MatrixSpan(A.Data[r..], Shape.RowsA, Shape.ColumnsA, A.Columns, Filters);

    /// <summary>B_r's place inside B̃.</summary>
    public MatrixSpan FilterB(int r) => Shape.AFirst
        ? B.Block(0, Shape.RowsB, r * Shape.ColumnsB, Shape.ColumnsB)
        : B.RowRange(r * Shape.RowsB, Shape.RowsB);

    /// <summary>The first of the two products for all tokens of x [tokens, in].</summary>
    public void Intermediate(Worker worker, MatrixSpan x, Span<float> z)
    {
        if (!Shape.AFirst)
        {
            Gemm.MultiplyOnThisThread(worker, new MatrixSpan(x.Data, x.Rows * Shape.ColumnsA, Shape.ColumnsB), B.Transposed, new MatrixSpan(z, x.Rows * Shape.ColumnsA, Filters * Shape.RowsB));
            return;
        }
        for (int t = 0; t < x.Rows; t++) Gemm.MultiplyOnThisThread(worker, A, new MatrixSpan(x.Row(t), Shape.ColumnsA, Shape.ColumnsB), IntermediateOf(z, t));
    }

    /// <summary>Token t's intermediate as the matrix that Ã reads (B first) or writes (A first).</summary>
    public MatrixSpan IntermediateOf(Span<float> z, int t)
    {
        Span<float> own = z.Slice(t * IntermediatePerToken, IntermediatePerToken);
        return Shape.AFirst ? new MatrixSpan(own, Shape.RowsA * Filters, Shape.ColumnsB) : new MatrixSpan(own, Shape.ColumnsA * Filters, Shape.RowsB);
    }
}
