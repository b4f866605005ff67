namespace MoKA.Native.Ops;

/// <summary>One filter A ⊗ B: A [RowsA, ColumnsA] and B [RowsB, ColumnsB].</summary>
public readonly record struct KroneckerFilter(Tensor A, Tensor B)
{
    /// <summary>The four lengths.</summary>
    public KroneckerShape Shape => new(A.Shape[0], A.Shape[1], B.Shape[0], B.Shape[1]);
}
