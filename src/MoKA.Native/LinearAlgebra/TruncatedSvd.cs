using MoKA.Native.Autograd;
using MoKA.Native.Ops;

namespace MoKA.Native.LinearAlgebra;

/// <summary>
/// The largest singular values of a large matrix with their vectors, A ≈ U diag(s) Vᵀ, by subspace iteration from random
/// directions (Halko, Martinsson and Tropp, arXiv 0909.4061): a few products with A and Aᵀ, each made orthonormal, and a
/// small exact decomposition. Matrices that are short on one side are decomposed exactly.
/// </summary>
public sealed class TruncatedSvd
{
    private const int Spare = 8, Iterations = 8;

    private TruncatedSvd(double[] values, double[] u, double[] v) => (Values, U, V) = (values, u, v);

    /// <summary>How many singular values there are: as many as asked for, or as the matrix has.</summary>
    public int Count => Values.Length;

    /// <summary>Singular values [count], falling.</summary>
    public double[] Values { get; }

    /// <summary>Left singular vectors [rows, count], one in each column.</summary>
    public double[] U { get; }

    /// <summary>Right singular vectors [columns, count], one in each column.</summary>
    public double[] V { get; }

    /// <summary>Decomposes a matrix.</summary>
    /// <param name="cpu">What the large products run on.</param>
    /// <param name="matrix">A [rows, columns], finite.</param>
    /// <param name="count">How many singular values at most.</param>
    /// <param name="seed">What the directions are drawn from; the result depends on it in its last digits alone where singular values are apart.</param>
    public static TruncatedSvd Of(Cpu cpu, Tensor matrix, int count, ulong seed = 0)
    {
        int rows = matrix.Shape[0], columns = matrix.Shape[1];
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (Math.Min(rows, columns) <= count + Spare) return Exact(matrix, rows, columns, count);
        int width = count + Spare;
        using Tape tape = new(cpu, gradients: false);
        using Parameter directions = new("directions", new Shape(width, columns), trainable: false), images = new("images", new Shape(width, rows), trainable: false);
        directions.FillNormal(1, seed, stream: 0);
        for (int i = 0; i < Iterations; i++)
        {
            // Vectors lie as rows: images = directions Aᵀ, directions = images A.
            Multiply(tape, directions, matrix, transpose: true, images);
            Orthonormalise(images.Data, width, rows);
            Multiply(tape, images, matrix, transpose: false, directions);
            if (i + 1 < Iterations) Orthonormalise(directions.Data, width, columns);
        }
        // Qᵀ A = directions, so A ≈ Q (Qᵀ A).
        JacobiSvd small = JacobiSvd.Of(Doubles(directions.Data), width, columns);
        double[] u = new double[rows * count];
        for (int i = 0; i < rows; i++)
            for (int k = 0; k < count; k++)
                for (int w = 0; w < width; w++) u[i * count + k] += images.Data[w * rows + i] * small.U[w * width + k];
        return new TruncatedSvd(small.Values[..count], u, Columns(small.V, columns, width, count));
    }

    private static TruncatedSvd Exact(Tensor matrix, int rows, int columns, int count)
    {
        JacobiSvd svd = JacobiSvd.Of(Doubles(matrix.Data), rows, columns);
        int kept = Math.Min(count, svd.Count);
        return new TruncatedSvd(svd.Values[..kept], Columns(svd.U, rows, svd.Count, kept), Columns(svd.V, columns, svd.Count, kept));
    }

    private static void Multiply(Tape tape, Tensor x, Tensor matrix, bool transpose, Parameter result)
    {
        tape.Reset();
        Op.MatMul(tape, x, matrix, transposeB: transpose).Data.CopyTo(result.Data);
    }

    /// <summary>Makes the rows of x [count, length] orthonormal, twice over, since once loses what rounding mixes in.</summary>
    private static void Orthonormalise(Span<float> x, int count, int length)
    {
        for (int i = 0; i < count; i++)
        {
            Span<float> row = x.Slice(i * length, length);
            for (int pass = 0; pass < 2; pass++)
            {
                for (int j = 0; j < i; j++)
                {
                    ReadOnlySpan<float> other = x.Slice(j * length, length);
                    double along = Dot(row, other);
                    for (int k = 0; k < length; k++) row[k] -= (float)(along * other[k]);
                }
                double norm = Math.Sqrt(Dot(row, row));
                // A direction that is nothing beside the others stays nothing.
                float inverse = norm > 1e-30 ? (float)(1 / norm) : 0;
                for (int k = 0; k < length; k++) row[k] *= inverse;
            }
        }
    }

    private static double[] Columns(double[] matrix, int rows, int stride, int count)
    {
        double[] kept = new double[rows * count];
        for (int i = 0; i < rows; i++) matrix.AsSpan(i * stride, count).CopyTo(kept.AsSpan(i * count));
        return kept;
    }

    private static double[] Doubles(ReadOnlySpan<float> numbers)
    {
        double[] doubles = new double[numbers.Length];
        for (int i = 0; i < doubles.Length; i++) doubles[i] = numbers[i];
        return doubles;
    }

    private static double Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++) sum += (double)x[i] * y[i];
        return sum;
    }
}
