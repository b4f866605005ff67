using FsCheck.Xunit;
using MoKA.Native.Adapters;

namespace MoKA.Native.Tests.Adapters;

/// <summary>What is a mixture is found exactly, and what is none is met as closely as the theory says.</summary>
public sealed class NearestMixtureTests
{
    [Property(MaxTest = 30, Arbitrary = [typeof(Sizes)])]
    public void AMixtureOfOneShapeIsFoundAgain(Size rowsA, Size columnsA, Size rowsB, Size columnsB, ulong seed)
    {
        KroneckerShape shape = new(rowsA, columnsA, rowsB, columnsB);
        KroneckerShape[] shapes = [shape, shape];
        (_, double error) = NearestMixture.Fit(Cpus.Widest, Mixture(shapes, seed), shapes);
        Assert.InRange(error, 0, 1e-5);
    }

    [Fact]
    public void AMixtureOfSeveralShapesIsMetAlmostExactly()
    {
        KroneckerShape[] shapes = [new(4, 8, 8, 8), new(32, 1, 1, 64), new(4, 8, 8, 8), new(2, 32, 16, 2)];
        (IReadOnlyList<(float[] A, float[] B)> filters, double error) = NearestMixture.Fit(Cpus.Widest, Mixture(shapes, 5), shapes);
        Assert.InRange(error, 0, 0.12);
        Assert.Equal(shapes.Select(s => s.RowsA * s.ColumnsA), filters.Select(f => f.A.Length));
    }

    [Fact]
    public void MoreFiltersNeverFitWorseAndAsManyAsTheSmallerFactorHasNumbersFitAll()
    {
        float[] update = Draw.Normal(9, 32 * 64);
        KroneckerShape shape = new(4, 2, 8, 32);
        double last = 1;
        for (int filters = 1; filters <= 8; filters++)
        {
            double error = NearestMixture.Fit(Cpus.Widest, update, [.. Enumerable.Repeat(shape, filters)]).RelativeError;
            Assert.True(error <= last + 1e-6);
            last = error;
        }
        Assert.InRange(last, 0, 1e-5);
    }

    [Fact]
    public void TheErrorIsThatOfTheFilters()
    {
        float[] update = Draw.Normal(10, 32 * 64);
        KroneckerShape[] shapes = [new(4, 8, 8, 8), new(8, 8, 4, 8)];
        (IReadOnlyList<(float[] A, float[] B)> filters, double error) = NearestMixture.Fit(Cpus.Widest, update, shapes);
        float[] rest = [.. update];
        for (int i = 0; i < 2; i++) DenseKronecker.AddTo(rest, shapes[i], -1, filters[i].A, filters[i].B);
        Assert.Equal(Norms.Of(rest) / Norms.Of(update), error, 1e-5);
    }

    [Fact]
    public void NothingIsFittedByNothing()
    {
        (IReadOnlyList<(float[] A, float[] B)> filters, double error) = NearestMixture.Fit(Cpus.Widest, new float[32 * 64], [new(4, 8, 8, 8)]);
        Assert.Equal(0, error);
        Assert.All(filters[0].A, a => Assert.Equal(0, a));
        Assert.Throws<ArgumentException>(() => NearestMixture.Fit(Cpus.Widest, new float[5], [new(4, 8, 8, 8)]));
    }

    private static float[] Mixture(KroneckerShape[] shapes, ulong seed)
    {
        float[] update = new float[shapes[0].Out * shapes[0].In];
        for (int i = 0; i < shapes.Length; i++)
            DenseKronecker.AddTo(update, shapes[i], 1, Draw.Normal(seed + 2 * (ulong)i, shapes[i].RowsA * shapes[i].ColumnsA), Draw.Normal(seed + 2 * (ulong)i + 1, shapes[i].RowsB * shapes[i].ColumnsB));
        return update;
    }
}
