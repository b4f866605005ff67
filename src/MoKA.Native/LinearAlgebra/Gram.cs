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
                products[i * rows + j] = products[j * rows + i] = Dot(m.Slice(i * columns, columns), m.Slice(j * columns, columns));
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

    // Four sums at a time, so that additions need not wait for each other.
    private static double Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double a = 0, b = 0, c = 0, d = 0;
        int i = 0;
        for (; i + 4 <= x.Length; i += 4)
        {
            a += (double)x[i] * y[i];
            b += (double)x[i + 1] * y[i + 1];
            c += (double)x[i + 2] * y[i + 2];
            d += (double)x[i + 3] * y[i + 3];
        }
        for (; i < x.Length; i++) a += (double)x[i] * y[i];
        return a + b + (c + d);
    }
}
