using FsCheck.Xunit;
using MathNet.Numerics.LinearAlgebra;
using MoKA.Native.LinearAlgebra;

namespace MoKA.Native.Tests.LinearAlgebra;

/// <summary>The decomposition puts its matrix together again, from orthonormal vectors, with another library's values.</summary>
[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 60)]
public sealed class JacobiSvdTests
{
    [Property]
    public void AnyMatrixIsTheProductOfItsParts(Size rows, Size columns, ulong seed) => Check(Numbers(seed, rows * columns), rows, columns);

    [Property]
    public void ALowRankShowsInTheValues(Size rows, Size columns, ulong seed)
    {
        double[] u = Numbers(seed, rows), v = Numbers(seed + 1, columns);
        JacobiSvd svd = Check([.. from a in u from b in v select a * b], rows, columns);
        Assert.All(svd.Values.Skip(1), s => Assert.True(s <= 1e-12 * (1 + svd.Values[0])));
    }

    [Fact]
    public void ValuesOfVeryDifferentSizeKeepTheirOwnPrecision()
    {
        double[] diagonal = [1e8, 1, 1e-8], rotated = new double[9];
        for (int i = 0; i < 3; i++) rotated[i * 3 + (i + 1) % 3] = diagonal[i];
        Assert.Equal(diagonal, JacobiSvd.Of(rotated, 3, 3).Values);
    }

    [Fact]
    public void ZerosAndNothingAreDecomposedToo()
    {
        Assert.Equal([0, 0], JacobiSvd.Of(new double[6], 2, 3).Values);
        Assert.Empty(JacobiSvd.Of([], 0, 5).Values);
    }

    [Fact]
    public void NumbersThatAreNoneAreRefused()
    {
        Assert.Throws<ArgumentException>(() => JacobiSvd.Of([1, double.NaN], 1, 2));
        Assert.Throws<ArgumentException>(() => JacobiSvd.Of([1], 1, 2));
    }

    private static JacobiSvd Check(double[] numbers, int rows, int columns)
    {
        JacobiSvd svd = JacobiSvd.Of(numbers, rows, columns);
        if (rows == 0 || columns == 0) return svd;
        Matrix<double> a = Matrix<double>.Build.DenseOfRowMajor(rows, columns, numbers);
        Matrix<double> u = Matrix<double>.Build.DenseOfRowMajor(rows, svd.Count, svd.U), v = Matrix<double>.Build.DenseOfRowMajor(columns, svd.Count, svd.V);
        double scale = 1e-12 * (1 + a.FrobeniusNorm());
        Assert.True((u * Matrix<double>.Build.DenseOfDiagonalArray(svd.Values) * v.Transpose() - a).FrobeniusNorm() <= scale, "the product differs");
        Matrix<double> identity = Matrix<double>.Build.DenseIdentity(svd.Count);
        // Vectors of a value that is zero are not determined on the long side, and left at zero.
        int rank = svd.Values.Count(s => s > scale);
        Assert.True((u.TransposeThisAndMultiply(u) - identity).SubMatrix(0, rank, 0, rank).Enumerate().All(e => Math.Abs(e) <= 1e-10), "U is not orthonormal");
        Assert.True((v.TransposeThisAndMultiply(v) - identity).SubMatrix(0, rank, 0, rank).Enumerate().All(e => Math.Abs(e) <= 1e-10), "V is not orthonormal");
        Assert.Equal(svd.Values.OrderDescending(), svd.Values);
        foreach ((double ours, double theirs) in svd.Values.Zip(a.Svd(computeVectors: false).S)) Assert.Equal(theirs, ours, scale);
        return svd;
    }

    private static double[] Numbers(ulong seed, int count) => [.. Draw.Normal(seed, count).Select(x => (double)x)];
}
