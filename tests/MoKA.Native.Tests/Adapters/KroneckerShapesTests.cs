using FsCheck.Xunit;
using MoKA.Native.Adapters;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Tests.Adapters;

/// <summary>The choice of filter shapes: the paper's parameter counts, the family of a square map, awkward lengths.</summary>
public sealed class KroneckerShapesTests
{
    private const int BlocksOf7BAnd8B = 32, PaperFilters = 10;

    [Theory]
    [InlineData(4096, 5_242_880)] // LLaMA-2-7B: values of 32 heads of 128
    [InlineData(1024, 3_932_160)] // LLaMA-3-8B: values of 8 heads of 128
    public void Ten_filters_on_queries_and_values_count_as_in_the_paper(int values, long expected)
    {
        long Count(int outputs) => KroneckerShapes.Balanced(outputs, 4096, PaperFilters).Sum(s => s.Parameters);
        Assert.Equal(expected, BlocksOf7BAnd8B * (Count(4096) + Count(values)));
    }

    [Fact]
    public void The_family_of_a_square_map_spans_ranks_at_one_price()
    {
        IReadOnlyList<KroneckerShape> shapes = KroneckerShapes.Balanced(4096, 4096, 10);
        string[] family = ["64x64:64x64", "32x128:128x32", "128x32:32x128", "16x256:256x16", "256x16:16x256"];
        Assert.Equal([.. family, .. family], shapes.Select(s => s.ToString()));
        Assert.All(shapes, s => Assert.Equal(8192, s.Parameters));
        Assert.Equal([4096L, 1024, 1024, 256, 256], shapes.Take(5).Select(s => s.MaximalRank));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 12)]
    [InlineData(12, 1)]
    [InlineData(7, 13)]
    [InlineData(127, 127)]
    [InlineData(11008, 4096)]
    [InlineData(4096, 14336)]
    public void Every_shape_multiplies_out_and_none_is_dearer_than_a_dense_update(int outputs, int inputs)
    {
        IReadOnlyList<KroneckerShape> shapes = KroneckerShapes.Balanced(outputs, inputs, 10);
        Assert.Equal(10, shapes.Count);
        Assert.InRange(shapes.Distinct().Count(), 1, 5);
        Assert.All(shapes, s => Assert.Equal((outputs, inputs), (s.Out, s.In)));
        Assert.All(shapes, s => Assert.InRange(s.Parameters, 1, (long)outputs * inputs + 1));
    }

    [Property(MaxTest = 60)]
    public void All_lists_each_factorisation_once(byte outputs, byte inputs)
    {
        (int m, int n) = (outputs + 1, inputs + 1);
        KroneckerShape[] all = [.. KroneckerShapes.All(m, n)];
        Assert.Equal(all.Length, all.Distinct().Count());
        Assert.All(all, s => Assert.Equal((m, n), (s.Out, s.In)));
        Assert.Equal(Enumerable.Range(1, m).Count(d => m % d == 0) * Enumerable.Range(1, n).Count(d => n % d == 0), all.Length);
        Assert.Equal(all.Min(s => s.Parameters), KroneckerShapes.Balanced(m, n, 1)[0].Parameters);
    }

    [Fact]
    public void A_prime_map_has_vectors_for_filters()
    {
        // 7 x 13 factorises as 7x1:1x13 and 1x13:7x1 at 20 numbers; the other two shapes are dense.
        Assert.Equal(["7x1:1x13", "1x13:7x1", "7x1:1x13"], KroneckerShapes.Balanced(7, 13, 3).Select(s => s.ToString()));
    }

    [Theory]
    [InlineData(0, 4, 1)]
    [InlineData(4, -1, 1)]
    [InlineData(4, 4, 0)]
    public void What_cannot_be_factorised_is_refused(int outputs, int inputs, int filters) =>
        ErrorLine.Of(() => KroneckerShapes.Balanced(outputs, inputs, filters));
}
