namespace MoKA.Native.Adapters;

/// <summary>Kronecker products written out, for merging.</summary>
internal static class DenseKronecker
{
    /// <summary>weight [Out, In] += scale (A ⊗ B), with (A ⊗ B)[p RowsB + q, j ColumnsB + l] = A[p, j] B[q, l].</summary>
    public static void AddTo(Span<float> weight, KroneckerShape shape, float scale, ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        int inputs = shape.In;
        for (int p = 0; p < shape.RowsA; p++)
            for (int q = 0; q < shape.RowsB; q++)
                for (int j = 0; j < shape.ColumnsA; j++)
                {
                    float factor = scale * a[p * shape.ColumnsA + j];
                    Span<float> row = weight.Slice((p * shape.RowsB + q) * inputs + j * shape.ColumnsB, shape.ColumnsB);
                    for (int l = 0; l < row.Length; l++) row[l] += factor * b[q * shape.ColumnsB + l];
                }
    }
}
