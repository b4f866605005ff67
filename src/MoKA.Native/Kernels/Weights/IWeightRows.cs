namespace MoKA.Native.Kernels;

/// <summary>The rows of a frozen matrix [rows, columns] in some storage, as the floats they stand for.</summary>
internal interface IWeightRows
{
    /// <summary>Writes the weights of a row from <paramref name="column"/> on. Each is rounded alike wherever a piece begins.</summary>
    void Dequantize(int row, int column, Span<float> weights);

    /// <summary>Writes <paramref name="count"/> weights of each of some rows from <paramref name="column"/> on, <paramref name="apart"/> floats from row to row.</summary>
    void DequantizeRows(int row, int rows, int column, int count, Span<float> weights, int apart);

    /// <summary>Asks for the memory that <see cref="Dequantize"/> will read.</summary>
    void Prefetch(int row, int column, int count);

    /// <summary>
    /// How many tokens <see cref="MultiplyRows"/> is the faster way for: none unless rows are whole pieces of 16 bytes that
    /// <see cref="LaneRows"/> knows.
    /// </summary>
    int FewTokens(InstructionSet set);

    /// <summary>y [tokens, rows] += x [tokens, columns] times the rows from <paramref name="row"/> on, some times the 64 that <see cref="LaneRows"/> takes.</summary>
    void MultiplyRows(int row, scoped MatrixSpan x, scoped MatrixSpan y, Worker worker);
}
