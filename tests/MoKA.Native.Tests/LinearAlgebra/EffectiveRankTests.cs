using FsCheck.Xunit;
using MathNet.Numerics.LinearAlgebra;
using MoKA.Native.Adapters;
using MoKA.Native.LinearAlgebra;

namespace MoKA.Native.Tests.LinearAlgebra;

/// <summary>The effective rank against its definition on another library's singular values, and the eigenvalues behind it.</summary>
[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 60)]
public sealed class EffectiveRankTests
{
    [Property]
    public void A_matrix_has_that_of_its_singular_values(Size rows, Size columns, ulong seed)
    {
        float[] matrix = Draw.Normal(seed, rows * columns);
        double rank = EffectiveRank.OfMatrix(matrix, rows, columns);
        Assert.Equal(Defined(matrix, rows, columns), rank, 1e-9);
        Assert.InRange(rank, 1 - 1e-9, Math.Min(rows, columns) + 1e-9);
        Assert.Equal(rank, EffectiveRank.OfMatrix([.. matrix.Select(x => 3 * x)], rows, columns), 1e-5);
    }

    [Property]
    public void That_of_a_Kronecker_product_is_the_product(Size rowsA, Size columnsA, Size rowsB, Size columnsB, ulong seed)
    {
        KroneckerShape s = new(rowsA % 5 + 1, columnsA % 5 + 1, rowsB % 5 + 1, columnsB % 5 + 1);
        float[] a = Draw.Normal(seed, s.RowsA * s.ColumnsA), b = Draw.Normal(seed + 1, s.RowsB * s.ColumnsB), whole = new float[s.Out * s.In];
        DenseKronecker.AddTo(whole, s, 1, a, b);
        Assert.Equal(Defined(whole, s.Out, s.In), EffectiveRank.OfMatrix(a, s.RowsA, s.ColumnsA) * EffectiveRank.OfMatrix(b, s.RowsB, s.ColumnsB), 1e-4);
    }

    [Property]
    public void That_of_a_product_needs_no_product(Size rows, Size rank, Size columns, ulong seed)
    {
        Matrix<double> b = Drawn(seed, rows, rank), a = Drawn(seed + 1, rank, columns);
        double expected = Entropy([.. (b * a).Svd(computeVectors: false).S]);
        Assert.Equal(expected, EffectiveRank.OfProduct(Floats(b), Floats(a), rows, rank, columns), 1e-6);
    }

    [Fact]
    public void A_factor_that_lacks_directions_is_no_obstacle()
    {
        // B has two equal columns and one of zeros; A as it comes.
        Matrix<double> b = Drawn(4, 20, 4), a = Drawn(5, 4, 30);
        b.SetColumn(1, b.Column(0));
        b.SetColumn(2, new double[20]);
        Assert.Equal(Entropy([.. (b * a).Svd(computeVectors: false).S]), EffectiveRank.OfProduct(Floats(b), Floats(a), 20, 4, 30), 1e-6);
        Assert.Equal(0, EffectiveRank.OfProduct(new float[80], Floats(a), 20, 4, 30));
    }

    [Fact]
    public void Equal_directions_count_fully_and_uneven_ones_less()
    {
        Assert.Equal(3, EffectiveRank.OfMatrix([0, 2, 0, 0, 0, 0, 2, 0, -2, 0, 0, 0], 3, 4), 1e-12);
        Assert.Equal(1, EffectiveRank.OfMatrix([1, 2, 3, 2, 4, 6], 2, 3), 1e-6);
        // Shares 0.8 and 0.2 of the energy.
        Assert.Equal(Math.Exp(-0.8 * Math.Log(0.8) - 0.2 * Math.Log(0.2)), EffectiveRank.OfEnergies([4, 0, 1]), 1e-12);
        Assert.Equal(0, EffectiveRank.OfMatrix(new float[6], 2, 3));
        Assert.Equal(0, EffectiveRank.OfEnergies([]));
    }

    [Property]
    public void Eigenvalues_are_those_of_another_library(Size size, ulong seed)
    {
        Matrix<double> m = Drawn(seed, size, size);
        m += m.Transpose();
        double[] expected = [.. m.Evd(Symmetricity.Symmetric).EigenValues.Select(v => v.Real).OrderDescending()], values = SymmetricEigenvalues.Of(m.ToRowMajorArray(), size);
        Assert.Equal(values.OrderDescending(), values);
        for (int i = 0; i < size; i++) Assert.Equal(expected[i], values[i], 1e-12 * (1 + m.FrobeniusNorm()));
    }

    [Property]
    public void Eigenvectors_are_orthonormal_and_make_up_the_matrix(Size size, ulong seed)
    {
        Matrix<double> m = Drawn(seed, size, size);
        m += m.Transpose();
        (double[] values, double[] vectors) = SymmetricEigenvalues.WithVectors(m.ToRowMajorArray(), size);
        Matrix<double> v = Matrix<double>.Build.DenseOfRowMajor(size, size, vectors);
        double near = 1e-12 * (1 + m.FrobeniusNorm());
        Assert.Equal(SymmetricEigenvalues.Of(m.ToRowMajorArray(), size), values);
        Assert.InRange((v * v.Transpose() - Matrix<double>.Build.DenseIdentity(size)).FrobeniusNorm(), 0, 1e-12 * size);
        Assert.InRange((v.Transpose() * Matrix<double>.Build.DenseOfDiagonalArray(values) * v - m).FrobeniusNorm(), 0, near);
    }

    [Fact]
    public void Eigenvalues_of_every_size_of_number_and_of_what_is_diagonal_already()
    {
        Assert.Equal([5, 2, -1], SymmetricEigenvalues.Of([2, 0, 0, 0, 5, 0, 0, 0, -1], 3));
        foreach (double scale in (double[])[1e-200, 1, 1e200])
        {
            double[] values = SymmetricEigenvalues.Of([.. new double[] { 2, 1, 1, 1, 2, 1, 1, 1, 2 }.Select(x => scale * x)], 3);
            Assert.Equal([4, 1, 1], values.Select(v => Math.Round(v / scale, 12)));
        }
        Assert.Empty(SymmetricEigenvalues.Of([], 0));
        Assert.Throws<ArgumentException>(() => SymmetricEigenvalues.Of([1, double.NaN, 0, 1], 2));
        Assert.Throws<ArgumentException>(() => SymmetricEigenvalues.Of([1], 2));
    }

    [Fact]
    public void A_large_matrix_of_few_directions_is_seen_as_such()
    {
        Matrix<double> product = Drawn(1, 200, 3) * Drawn(2, 3, 300);
        Assert.Equal(Entropy([.. product.Svd(computeVectors: false).S]), EffectiveRank.OfMatrix(Floats(product), 200, 300), 1e-6);
    }

    private static double Defined(float[] matrix, int rows, int columns) =>
        Entropy([.. Matrix<double>.Build.DenseOfRowMajor(rows, columns, matrix.Select(x => (double)x)).Svd(computeVectors: false).S]);

    private static double Entropy(double[] values)
    {
        double[] shares = [.. values.Select(v => v * v / values.Sum(w => w * w))];
        return Math.Exp(-shares.Where(p => p > 0).Sum(p => p * Math.Log(p)));
    }

    private static Matrix<double> Drawn(ulong seed, int rows, int columns) => Matrix<double>.Build.DenseOfRowMajor(rows, columns, Draw.Normal(seed, rows * columns).Select(x => (double)x));

    private static float[] Floats(Matrix<double> m) => [.. m.ToRowMajorArray().Select(x => (float)x)];
}
