using System.Numerics.Tensors;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;

namespace MoKA.Native.LinearAlgebra;

/// <summary>
/// The largest singular values of a large matrix with their vectors, A ≈ U diag(s) Vᵀ, by subspace iteration from random
/// directions (Halko, Martinsson and Tropp, arXiv 0909.4061): a few products with A and Aᵀ, each made orthonormal, and a
/// small whole decomposition. A matrix that is short on one side is decomposed whole: the eigenvectors of A Aᵀ or Aᵀ A, in
/// double, are its singular vectors there. Values below some 1e-7 of the largest, rounding of a matrix of floats, come out rough.
/// </summary>
public sealed class TruncatedSvd
{
    private const int Spare = 8, Iterations = 8, WholeUpTo = 512;

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
        if (Math.Min(rows, columns) <= Math.Max(WholeUpTo, count + Spare))
        {
            TruncatedSvd whole = Whole(matrix.Data, rows, columns, count);
            GC.KeepAlive(matrix); // a parameter's memory must outlive the span that reads it
            return whole;
        }
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
        TruncatedSvd small = Whole(directions.Data, width, columns, count);
        double[] u = new double[rows * count];
        for (int i = 0; i < rows; i++)
            for (int w = 0; w < width; w++)
                TensorPrimitives.MultiplyAdd(small.U.AsSpan(w * count, count), (double)images.Data[w * rows + i], u.AsSpan(i * count, count), u.AsSpan(i * count, count));
        return new TruncatedSvd(small.Values, u, small.V);
    }

    private static TruncatedSvd Whole(ReadOnlySpan<float> matrix, int rows, int columns, int count)
    {
        bool tall = rows > columns;
        int shorter = Math.Min(rows, columns), longer = Math.Max(rows, columns), kept = Math.Min(count, shorter);
        (double[] squares, double[] vectors) = SymmetricEigenvalues.WithVectors(tall ? Gram.OfColumns(matrix, rows, columns) : Gram.OfRows(matrix, rows, columns), shorter);
        double[] values = new double[kept], near = new double[shorter * kept], far = new double[longer * kept];
        for (int i = 0; i < shorter; i++)
            for (int k = 0; k < kept; k++) near[i * kept + k] = vectors[k * shorter + i];
        // The other side's vectors are the images of these by A, as long as the singular values.
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                TensorPrimitives.MultiplyAdd(near.AsSpan((tall ? j : i) * kept, kept), (double)matrix[i * columns + j], far.AsSpan((tall ? i : j) * kept, kept), far.AsSpan((tall ? i : j) * kept, kept));
        for (int k = 0; k < kept; k++)
        {
            double value = values[k] = Math.Sqrt(Math.Max(0, squares[k]));
            for (int i = 0; i < longer; i++) far[i * kept + k] = value > 0 ? far[i * kept + k] / value : 0;
        }
        return tall ? new TruncatedSvd(values, far, near) : new TruncatedSvd(values, near, far);
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

    private static double Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++) sum += (double)x[i] * y[i];
        return sum;
    }
}
