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

    /// <summary>The first of the two products for the tokens of x [tokens, in]: Z, token after token.</summary>
    public Span<float> Intermediate(Worker worker, Span<float> x, int tokens)
    {
        Span<float> z = worker.Scratch(ScratchSlot.Intermediate, tokens * IntermediatePerToken);
        if (Shape.AFirst) MultiplyWide(worker, A, new TokenMajor(x, tokens, Shape.ColumnsA, Shape.ColumnsB), Wide(z, tokens));
        else Gemm.MultiplyOnThisThread(worker, new MatrixSpan(x, tokens * Shape.ColumnsA, Shape.ColumnsB), B.Transposed, Flat(z, tokens));
        return z;
    }

    /// <summary>Z as the matrix that B̃ multiplies: [tokens * ColumnsA, R RowsB] (B first) or [tokens * RowsA, R ColumnsB] (A first).</summary>
    public MatrixSpan Flat(Span<float> z, int tokens) => Shape.AFirst
        ? new MatrixSpan(z, tokens * Shape.RowsA, Filters * Shape.ColumnsB)
        : new MatrixSpan(z, tokens * Shape.ColumnsA, Filters * Shape.RowsB);

    /// <summary>Z as the matrix that Ã multiplies (B first) or writes (A first), all tokens side by side.</summary>
    public TokenMajor Wide(Span<float> z, int tokens) => Shape.AFirst
        ? new TokenMajor(z, tokens, Shape.RowsA * Filters, Shape.ColumnsB)
        : new TokenMajor(z, tokens, Shape.ColumnsA * Filters, Shape.RowsB);

    /// <summary>target = matrix wide, or target += matrix wide: token by token in place, or all side by side where a token is too narrow.</summary>
    public static void MultiplyWide(Worker worker, MatrixSpan matrix, TokenMajor wide, TokenMajor target, bool accumulate = false)
    {
        if (InPlaceProduct.Can(worker.InstructionSet, wide.Width)) InPlaceProduct.RunEach(worker, matrix, wide, target, accumulate);
        else Gemm.MultiplyOnThisThread(worker, new FloatPanels(matrix.Transposed), wide.ByColumns, wide.Rows, target, target.Rows, target.Columns, accumulate);
    }

    /// <summary>target = left rightᵀ, a sum over all tokens; token by token, the side with fewer rows is transposed.</summary>
    public static void MultiplyOverTokens(Worker worker, TokenMajor left, TokenMajor right, MatrixSpan target)
    {
        if (!InPlaceProduct.Can(worker.InstructionSet, Math.Min(left.Rows, right.Rows)))
        {
            Gemm.MultiplyOnThisThread(worker, left.ByRows, right.ByRows, left.Columns, new FloatTarget(target), left.Rows, right.Rows);
            return;
        }
        if (left.Rows < right.Rows)
        {
            MatrixSpan mirrored = new(worker.Scratch(ScratchSlot.EdgeTile, left.Rows * right.Rows), right.Rows, left.Rows);
            MultiplyOverTokens(worker, right, left, mirrored);
            Packing.Copy(mirrored.Transposed, target.RowStride, target.Data, 0);
            return;
        }
        for (int token = 0; token < left.Tokens; token++) InPlaceProduct.Run(worker, left.TokensFrom(token), right.TokensFrom(token).Transposed, target, accumulate: token > 0);
    }
}
