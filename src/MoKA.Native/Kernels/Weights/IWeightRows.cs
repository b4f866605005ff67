namespace MoKA.Native.Kernels;

/// <summary>The rows of a frozen matrix [rows, columns] in some storage, as the floats they stand for.</summary>
internal interface IWeightRows
{
    /// <summary>Writes the weights of a row from <paramref name="column"/> on. Each is rounded alike wherever a piece begins.</summary>
    void Dequantize(int row, int column, Span<float> weights);

    /// <summary>Asks for the memory that <see cref="Dequantize"/> will read.</summary>
    void Prefetch(int row, int column, int count);

    /// <summary>Whether <see cref="MultiplyRows"/> can be used: rows of whole pieces of 16 bytes that <see cref="LaneRows"/> knows.</summary>
    bool HasPieces { get; }

    /// <summary>y [64] += the 64 rows from <paramref name="row"/> on times x [columns], as <see cref="LaneRows"/> does.</summary>
    void MultiplyRows(int row, scoped ReadOnlySpan<float> x, scoped Span<float> y, Worker worker);
}
