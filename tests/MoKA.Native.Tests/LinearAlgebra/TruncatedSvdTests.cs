using MathNet.Numerics.LinearAlgebra;
using MoKA.Native.LinearAlgebra;

namespace MoKA.Native.Tests.LinearAlgebra;

public sealed class TruncatedSvdTests
{
    [Theory]
    [InlineData(60, 90, 5)]
    [InlineData(90, 60, 5)]
    [InlineData(7, 300, 4)]
    [InlineData(1, 1, 3)]
    [InlineData(520, 540, 6)]
    public void TheLargestValuesAreThoseOfTheWholeDecomposition(int rows, int columns, int count)
    {
        // Values 1, 1/2, 1/4, ... with random vectors.
        using Parameter matrix = Decaying(rows, columns);
        double[] exact = [.. Matrix<double>.Build.DenseOfRowMajor(rows, columns, matrix.Data.ToArray().Select(x => (double)x)).Svd(computeVectors: false).S];
        TruncatedSvd svd = TruncatedSvd.Of(Cpus.Widest, matrix, count);
        Assert.Equal(Math.Min(count, exact.Length), svd.Count);
        for (int k = 0; k < svd.Count; k++) Assert.Equal(exact[k], svd.Values[k], 1e-5 * exact[0]);
        double rest = 0;
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
            {
                double sum = matrix.Data[i * columns + j];
                for (int k = 0; k < svd.Count; k++) sum -= svd.Values[k] * svd.U[i * svd.Count + k] * svd.V[j * svd.Count + k];
                rest += sum * sum;
            }
        Assert.Equal(Math.Sqrt(exact.Skip(svd.Count).Sum(s => s * s)), Math.Sqrt(rest), 1e-4 * exact[0]);
    }

    [Fact]
    public void TheResultHasTheSameBitsAtAnyNumberOfThreads()
    {
        using Parameter matrix = Decaying(60, 90);
        double[] expected = TruncatedSvd.Of(Cpus.Widest, matrix, 4).U;
        foreach (Cpu cpu in Cpus.All) Assert.Equal(expected, TruncatedSvd.Of(cpu, matrix, 4).U);
    }

    private static Parameter Decaying(int rows, int columns)
    {
        Matrix<double> random = Matrix<double>.Build.DenseOfRowMajor(rows, columns, Draw.Normal(3, rows * columns).Select(x => (double)x));
        MathNet.Numerics.LinearAlgebra.Factorization.Svd<double> svd = random.Svd();
        for (int k = 0; k < svd.S.Count; k++) svd.S[k] = Math.Pow(0.5, k);
        Matrix<double> matrix = svd.U * svd.W * svd.VT;
        for (int k = 0; k < svd.S.Count; k++) svd.W[k, k] = Math.Pow(0.5, k);
        matrix = svd.U * svd.W * svd.VT;
        return Draw.Parameter(new Shape(rows, columns), [.. matrix.ToRowMajorArray().Select(x => (float)x)]);
    }
}
