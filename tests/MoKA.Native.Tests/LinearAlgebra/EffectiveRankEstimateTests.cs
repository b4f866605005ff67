using FsCheck.Xunit;
using MoKA.Native.Adapters;
using MoKA.Native.LinearAlgebra;

namespace MoKA.Native.Tests.LinearAlgebra;

/// <summary>Estimated effective ranks against exact ones, and their errors against what the estimate says of itself.</summary>
[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 30)]
public sealed class EffectiveRankEstimateTests
{
    [Property]
    public void Of_a_small_matrix_it_is_exact(Size rows, Size columns, ulong seed)
    {
        // No more directions than are taken as they are.
        int r = rows % 12 + 1, c = columns % 12 + 1;
        using Parameter matrix = Draw.Parameter(new Shape(r, c), Draw.Normal(seed, r * c));
        double exact = EffectiveRank.OfMatrix(matrix.Data, r, c);
        EffectiveRankEstimate estimate = EffectiveRankEstimate.Of(Cpus.Widest, LinearOperator.Of(matrix), seed);
        Assert.Equal(exact, estimate.Value, 2e-3 * exact);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(12)]
    public void Of_few_directions_in_a_large_matrix_it_is_exact(int rank)
    {
        LoraAdapter lora = new(300, 200, new LoraOptions { Rank = rank }, seed: 1, stream: 0);
        lora.B.FillNormal(1, 2, 0);
        double exact = EffectiveRank.OfProduct(lora.B.Data, lora.A.Data, 300, rank, 200);
        EffectiveRankEstimate estimate = EffectiveRankEstimate.Of(Cpus.Widest, lora.Update());
        Assert.Equal(exact, estimate.Value, 1e-3 * exact);
        Assert.InRange(estimate.StandardError, 0, 1e-3 * exact);
    }

    [Fact]
    public void Zeros_have_none_and_equal_values_all()
    {
        using Parameter zeros = new("zeros", new Shape(100, 120), trainable: false), unit = new("unit", new Shape(100, 120), trainable: false);
        Assert.Equal(default, EffectiveRankEstimate.Of(Cpus.Widest, LinearOperator.Of(zeros)));
        for (int i = 0; i < 100; i++) unit.Data[i * 120 + i] = 3;
        EffectiveRankEstimate all = EffectiveRankEstimate.Of(Cpus.Widest, LinearOperator.Of(unit));
        Assert.Equal(100, all.Value, 1e-2);
    }

    [Theory]
    [InlineData("mixture", 384, 256)]
    [InlineData("mixture", 256, 480)]
    [InlineData("decaying", 200, 260)]
    [InlineData("flat", 300, 300)]
    public void Of_a_mid_sized_matrix_it_is_as_near_as_it_says(string kind, int rows, int columns)
    {
        double[] apart = new double[12];
        for (int seed = 0; seed < apart.Length; seed++)
        {
            using Parameter matrix = Matrix(kind, rows, columns, (ulong)seed);
            double exact = EffectiveRank.OfMatrix(matrix.Data, rows, columns);
            EffectiveRankEstimate estimate = EffectiveRankEstimate.Of(Cpus.Widest, LinearOperator.Of(matrix), (ulong)seed);
            Assert.InRange(estimate.StandardError / exact, 0, 0.04);
            Assert.InRange(Math.Abs(estimate.Value - exact), 0, 4 * estimate.StandardError + 2e-3 * exact);
            apart[seed] = (estimate.Value - exact) / (estimate.StandardError + 1e-3 * exact);
        }
        // Neither far off nor always to one side, measured by its own error.
        Assert.InRange(Math.Sqrt(apart.Average(a => a * a)), 0, 1.8);
        Assert.InRange(apart.Average(), -1.2, 1.2);
    }

    [Fact]
    public void It_has_the_same_bits_on_every_processor_and_another_seed_gives_another()
    {
        using Parameter matrix = Matrix("mixture", 96, 64, 5);
        LinearOperator d = LinearOperator.Of(matrix);
        EffectiveRankEstimate expected = EffectiveRankEstimate.Of(Cpus.Scalar, d);
        foreach (Cpu cpu in Cpus.All) Assert.Equal(expected, EffectiveRankEstimate.Of(cpu, d));
        Assert.NotEqual(expected, EffectiveRankEstimate.Of(Cpus.Scalar, d, seed: 1));
    }

    private static Parameter Matrix(string kind, int rows, int columns, ulong seed)
    {
        Parameter matrix = Draw.Parameter(new Shape(rows, columns), Draw.Normal(seed + 50, rows * columns));
        if (kind == "decaying")
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++) matrix.Data[i * columns + j] *= MathF.Pow(0.97f, i);
        if (kind != "mixture") return matrix;
        MokaAdapter moka = new(rows, columns, new MokaOptions { Filters = 5 }, seed, 0);
        for (int i = 0; i < moka.Parameters.Count; i++) moka.Parameters[i].FillNormal(0.5f, seed, (ulong)i);
        matrix.Data.Clear();
        moka.Merge(matrix.Data);
        return matrix;
    }
}
