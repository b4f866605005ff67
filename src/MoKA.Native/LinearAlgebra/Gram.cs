namespace MoKA.Native.LinearAlgebra;

/// <summary>The products of a matrix of floats with its transpose, in double, in one order of operations.</summary>
internal static class Gram
{
    /// <summary>M Mᵀ [rows, rows].</summary>
    public static double[] OfRows(ReadOnlySpan<float> m, int rows, int columns)
    {
        double[] products = new double[rows * rows];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j <= i; j++)
                products[i * rows + j] = products[j * rows + i] = InnerProduct.Of(m.Slice(i * columns, columns), m.Slice(j * columns, columns));
        return products;
    }

    /// <summary>Mᵀ M [columns, columns], row by row of M.</summary>
    public static double[] OfColumns(ReadOnlySpan<float> m, int rows, int columns)
    {
        double[] products = new double[columns * columns];
        for (int r = 0; r < rows; r++)
        {
            ReadOnlySpan<float> row = m.Slice(r * columns, columns);
            for (int i = 0; i < columns; i++)
            {
                double factor = row[i];
                Span<double> sums = products.AsSpan(i * columns, i + 1);
                for (int j = 0; j < sums.Length; j++) sums[j] += factor * row[j];
            }
        }
        for (int i = 0; i < columns; i++)
            for (int j = 0; j < i; j++) products[j * columns + i] = products[i * columns + j];
        return products;
    }
}
