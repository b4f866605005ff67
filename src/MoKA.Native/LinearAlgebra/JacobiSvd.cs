namespace MoKA.Native.LinearAlgebra;

/// <summary>
/// The singular value decomposition A = U diag(s) Vᵀ by one-sided Jacobi rotations (Hestenes; Golub and Van Loan, "Matrix
/// Computations", 8.6): columns are turned in pairs until all are orthogonal; their lengths are the singular values. Small
/// singular values come out to their own precision, not that of the largest. In double, one order of operations.
/// </summary>
public sealed class JacobiSvd
{
    private const int MostSweeps = 60;
    private const double Orthogonal = 1e-15;

    private JacobiSvd(int rows, int columns, double[] u, double[] values, double[] v) => (Rows, Columns, U, Values, V) = (rows, columns, u, values, v);

    /// <summary>Rows of A.</summary>
    public int Rows { get; }

    /// <summary>Columns of A.</summary>
    public int Columns { get; }

    /// <summary>min(rows, columns).</summary>
    public int Count => Values.Length;

    /// <summary>Left singular vectors [rows, count], one in each column; zero where the singular value is.</summary>
    public double[] U { get; }

    /// <summary>Singular values [count], falling.</summary>
    public double[] Values { get; }

    /// <summary>Right singular vectors [columns, count], one in each column.</summary>
    public double[] V { get; }

    /// <summary>Decomposes a matrix [rows, columns], row-major and finite.</summary>
    public static JacobiSvd Of(ReadOnlySpan<double> matrix, int rows, int columns)
    {
        if (matrix.Length != (long)rows * columns) throw new ArgumentException($"JacobiSvd: [{rows}, {columns}] needs {(long)rows * columns} numbers, got {matrix.Length}.");
        foreach (double x in matrix)
            if (!double.IsFinite(x)) throw new ArgumentException("JacobiSvd: the matrix must be finite, got a number that is not.");
        // Of the two sides the shorter one is turned; its vectors lie as rows, so that a rotation walks along memory.
        bool wide = columns > rows;
        int count = Math.Min(rows, columns), length = Math.Max(rows, columns);
        double[] vectors = new double[count * length], turns = new double[count * count];
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < length; j++) vectors[i * length + j] = wide ? matrix[i * columns + j] : matrix[j * columns + i];
            turns[i * count + i] = 1;
        }
        for (int sweep = 0; sweep < MostSweeps && Sweep(vectors, turns, count, length); sweep++) { }
        return Ordered(vectors, turns, count, length, wide, rows, columns);
    }

    /// <summary>Turns every pair of vectors once; returns whether any had to be.</summary>
    private static bool Sweep(double[] vectors, double[] turns, int count, int length)
    {
        bool turned = false;
        for (int p = 0; p < count - 1; p++)
            for (int q = p + 1; q < count; q++)
            {
                Span<double> x = vectors.AsSpan(p * length, length), y = vectors.AsSpan(q * length, length);
                double xx = Dot(x, x), yy = Dot(y, y), xy = Dot(x, y);
                if (Math.Abs(xy) <= Orthogonal * Math.Sqrt(xx * yy)) continue;
                turned = true;
                double zeta = (yy - xx) / (2 * xy);
                double t = (zeta >= 0 ? 1 : -1) / (Math.Abs(zeta) + Math.Sqrt(1 + zeta * zeta)), c = 1 / Math.Sqrt(1 + t * t), s = c * t;
                PlaneRotation.Turn(x, y, c, s);
                PlaneRotation.Turn(turns.AsSpan(p * count, count), turns.AsSpan(q * count, count), c, s);
            }
        return turned;
    }

    private static JacobiSvd Ordered(double[] vectors, double[] turns, int count, int length, bool wide, int rows, int columns)
    {
        double[] norms = [.. Enumerable.Range(0, count).Select(i => Math.Sqrt(Dot(vectors.AsSpan(i * length, length), vectors.AsSpan(i * length, length))))];
        int[] order = [.. Enumerable.Range(0, count).OrderByDescending(i => norms[i])];
        double[] longSide = new double[length * count], shortSide = new double[count * count], values = new double[count];
        for (int k = 0; k < count; k++)
        {
            int i = order[k];
            values[k] = norms[i];
            for (int j = 0; j < length; j++) longSide[j * count + k] = norms[i] == 0 ? 0 : vectors[i * length + j] / norms[i];
            for (int j = 0; j < count; j++) shortSide[j * count + k] = turns[i * count + j];
        }
        return wide ? new JacobiSvd(rows, columns, shortSide, values, longSide) : new JacobiSvd(rows, columns, longSide, values, shortSide);
    }

    private static double Dot(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++) sum += x[i] * y[i];
        return sum;
    }
}
