using System.Numerics.Tensors;

namespace MoKA.Native.LinearAlgebra;

/// <summary>
/// The eigenvalues of a symmetric matrix, with vectors on request: reflections make it tridiagonal (Householder), then rotations
/// with shifts chase the rest off the diagonal (QL; Golub and Van Loan, "Matrix Computations", 8.3). About n³ multiply-adds
/// for n rows, where Jacobi rotations need some fifty times as many. Errors are of the order of the largest value's rounding.
/// In double, one order of operations.
/// </summary>
public static class SymmetricEigenvalues
{
    private const int MostTurns = 100;

    /// <summary>Finds the eigenvalues, falling.</summary>
    /// <param name="matrix">[size, size], row-major, symmetric and finite.</param>
    /// <param name="size">n.</param>
    /// <exception cref="ArgumentException">The numbers are not a square of that size, or not finite.</exception>
    public static double[] Of(ReadOnlySpan<double> matrix, int size)
    {
        double[] values = Turned(matrix, size, []);
        Array.Sort(values);
        Array.Reverse(values);
        return values;
    }

    /// <summary>Finds the eigenvalues, falling, and a unit vector of each; about nine n³ multiply-adds.</summary>
    /// <param name="matrix">[size, size], row-major, symmetric and finite.</param>
    /// <param name="size">n.</param>
    /// <returns>The values [size], and the vectors as rows [size, size] in their order.</returns>
    /// <exception cref="ArgumentException">The numbers are not a square of that size, or not finite.</exception>
    public static (double[] Values, double[] Vectors) WithVectors(ReadOnlySpan<double> matrix, int size)
    {
        double[] turns = new double[size * size], vectors = new double[size * size];
        for (int i = 0; i < size; i++) turns[i * size + i] = 1;
        double[] values = Turned(matrix, size, turns);
        int[] order = [.. Enumerable.Range(0, size).OrderByDescending(i => values[i])];
        for (int k = 0; k < size; k++) turns.AsSpan(order[k] * size, size).CopyTo(vectors.AsSpan(k * size));
        return ([.. order.Select(i => values[i])], vectors);
    }

    /// <summary>The eigenvalues in no order; the rows of <paramref name="turns"/> are turned along, so that from those of the identity they become the vectors. Empty to leave them out.</summary>
    private static double[] Turned(ReadOnlySpan<double> matrix, int size, double[] turns)
    {
        if (matrix.Length != (long)size * size) throw new ArgumentException($"SymmetricEigenvalues: [{size}, {size}] needs {(long)size * size} numbers, got {matrix.Length}.");
        foreach (double x in matrix)
            if (!double.IsFinite(x)) throw new ArgumentException("SymmetricEigenvalues: the matrix must be finite, got a number that is not.");
        double[] rest = matrix.ToArray(), diagonal = new double[size], beside = new double[size];
        for (int k = 0; k < size; k++)
        {
            if (k < size - 2) Reflect(rest, size, k, turns);
            diagonal[k] = rest[k * size + k];
            beside[k] = k + 1 < size ? rest[(k + 1) * size + k] : 0;
        }
        Chase(diagonal, beside, turns);
        return diagonal;
    }

    /// <summary>H A H with H = I - 2 v vᵀ / vᵀv such that of column k only the entry below the diagonal is left.</summary>
    private static void Reflect(double[] a, int n, int k, double[] turns)
    {
        int first = k + 1, length = n - first;
        double[] v = new double[length], w = new double[length];
        double most = 0;
        for (int i = 0; i < length; i++) most = Math.Max(most, Math.Abs(v[i] = a[(first + i) * n + k]));
        if (most == 0) return;
        double square = 0;
        // Scaled, so that no square overflows or vanishes.
        for (int i = 0; i < length; i++) square += (v[i] /= most) * v[i];
        double norm = v[0] > 0 ? -Math.Sqrt(square) : Math.Sqrt(square);
        // vᵀv / 2 after the first entry is moved away from the norm.
        double half = square - v[0] * norm;
        v[0] -= norm;
        a[first * n + k] = norm * most;
        if (half == 0) return;
        double along = 0;
        for (int i = 0; i < length; i++)
        {
            ReadOnlySpan<double> row = a.AsSpan((first + i) * n + first, length);
            w[i] = InnerProduct.Of<double>(row, v) / half;
            along += w[i] * v[i];
        }
        for (int i = 0; i < length; i++) w[i] -= along / (2 * half) * v[i];
        for (int i = 0; i < length; i++)
        {
            Span<double> row = a.AsSpan((first + i) * n + first, length);
            double vi = v[i], wi = w[i];
            for (int j = 0; j < length; j++) row[j] -= vi * w[j] + wi * v[j];
        }
        if (turns.Length > 0) ReflectRows(turns, n, first, v, half);
    }

    /// <summary>H times the rows from <paramref name="first"/> on.</summary>
    private static void ReflectRows(double[] rows, int n, int first, double[] v, double half)
    {
        double[] along = new double[n];
        for (int i = 0; i < v.Length; i++) Add(along, v[i], rows.AsSpan((first + i) * n, n));
        for (int i = 0; i < v.Length; i++) Add(rows.AsSpan((first + i) * n, n), -v[i] / half, along);
    }

    /// <summary>to += factor x.</summary>
    private static void Add(Span<double> to, double factor, ReadOnlySpan<double> x) => TensorPrimitives.MultiplyAdd(x, factor, to, to);

    /// <summary>Turns a tridiagonal matrix until nothing is left beside its diagonal.</summary>
    private static void Chase(double[] diagonal, double[] beside, double[] turns)
    {
        int size = diagonal.Length;
        for (int low = 0; low < size; low++)
            for (int turn = 0; turn < MostTurns; turn++)
            {
                int high = low;
                while (high + 1 < size && Math.Abs(beside[high]) > double.Epsilon + 1e-16 * (Math.Abs(diagonal[high]) + Math.Abs(diagonal[high + 1]))) high++;
                if (high == low) break;
                Turn(diagonal, beside, low, high, turns);
            }
    }

    /// <summary>One pass of rotations from the bottom of the block [low, high] to its top, shifted by the eigenvalue near its top.</summary>
    private static void Turn(double[] diagonal, double[] beside, int low, int high, double[] turns)
    {
        double gap = (diagonal[low + 1] - diagonal[low]) / (2 * beside[low]), root = double.Hypot(gap, 1);
        double g = diagonal[high] - diagonal[low] + beside[low] / (gap + (gap < 0 ? -root : root)), c = 1, s = 1, moved = 0;
        for (int i = high - 1; i >= low; i--)
        {
            double f = s * beside[i], b = c * beside[i], r = double.Hypot(f, g);
            beside[i + 1] = r;
            if (r == 0)
            {
                // The block falls apart here.
                diagonal[i + 1] -= moved;
                beside[high] = 0;
                return;
            }
            (s, c) = (f / r, g / r);
            g = diagonal[i + 1] - moved;
            double t = (diagonal[i] - g) * s + 2 * c * b;
            moved = s * t;
            diagonal[i + 1] = g + moved;
            g = c * t - b;
            if (turns.Length > 0) PlaneRotation.Turn(turns.AsSpan(i * diagonal.Length, diagonal.Length), turns.AsSpan((i + 1) * diagonal.Length, diagonal.Length), c, s);
        }
        diagonal[low] -= moved;
        beside[low] = g;
        beside[high] = 0;
    }
}
