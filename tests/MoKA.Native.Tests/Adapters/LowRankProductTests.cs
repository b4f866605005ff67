using FsCheck.Xunit;
using MoKA.Native.Adapters;
using MoKA.Native.LinearAlgebra;
using MoKA.Native.Nn;

namespace MoKA.Native.Tests.Adapters;

/// <summary>Adapters as sums of Kronecker products and as low-rank products: the same update each time.</summary>
public sealed class LowRankProductTests
{
    private const int Outputs = 32, Inputs = 48;

    public static TheoryData<string> Kinds => ["moka", "ungated", "moka-s", "krona", "lokr", "lokr-factors"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_terms_of_every_kind_are_what_merging_adds(string kind)
    {
        Adapter adapter = Trained(kind);
        IReadOnlyList<KroneckerTerm> terms = KroneckerTerms.Of(adapter)!;
        float[] sum = new float[Outputs * Inputs];
        foreach (KroneckerTerm term in terms) DenseKronecker.AddTo(sum, term.Shape, term.Scale, term.A.Dense(), term.B.Dense());
        Close(Merged(adapter), sum);
        Close(Merged(adapter), Merged(LowRankProduct.Exact(terms).ToLora()));
        Assert.Equal(LowRankProduct.ExactRank(terms), LowRankProduct.Exact(terms).Rank);
    }

    [Fact]
    public void Low_rank_kinds_have_no_terms()
    {
        Assert.Null(KroneckerTerms.Of(new LoraAdapter(4, 4, new LoraOptions { Rank = 2 }, 1, 0)));
        Assert.Null(KroneckerTerms.Of(new DoraAdapter(new Linear(Draw.Parameter(1, new Shape(4, 4))), new LoraOptions { Rank = 2 }, 1, 0)));
    }

    [Property(MaxTest = 60, Arbitrary = [typeof(Sizes)])]
    public void The_exact_product_is_the_mixture_whatever_the_shapes(Size rowsA, Size columnsA, Size rowsB, Size columnsB, ulong seed)
    {
        // Two filters: the drawn shape and the one with the factors' lengths exchanged, of the same map.
        KroneckerShape shape = new(rowsA, columnsA, rowsB, columnsB), turned = new(rowsB, columnsB, rowsA, columnsA);
        MokaAdapter moka = new(shape.Out, shape.In, new MokaOptions { Shapes = [shape, turned], Scale = 0.7f, Temperature = 0.5f }, seed, 0);
        Move(moka, seed);
        LowRankProduct product = LowRankProduct.Exact(KroneckerTerms.Of(moka)!);
        Assert.Equal(shape.MaximalRank + turned.MaximalRank, product.Rank);
        Close(Merged(moka), Merged(product.ToLora()));
        LoraAdapter lora = product.ToLora();
        Assert.Equal(1, lora.Options.Scale);
    }

    [Fact]
    public void The_nearest_product_of_a_rank_leaves_the_other_singular_values()
    {
        using Parameter update = Draw.Parameter(3, new Shape(20, 30));
        double[] values = JacobiSvd.Of(Norms.Exact(update.Data), 20, 30).Values;
        double all = Norms.Of(values);
        foreach (int rank in (int[])[1, 5, 19, 20, 40])
        {
            LowRankProduct nearest = LowRankProduct.Nearest(Cpus.Widest, update, rank);
            Assert.Equal(Math.Min(rank, 20), nearest.Rank);
            Assert.Equal(Norms.Of(values[nearest.Rank..]) / all, nearest.RelativeError(Cpus.Widest, update), 1e-4);
        }
        foreach (double energy in (double[])[0.3, 0.9, 0.99, 1])
        {
            LowRankProduct kept = LowRankProduct.WithEnergy(Cpus.Widest, update, energy);
            Assert.True(Math.Pow(Norms.Of(values[..kept.Rank]) / all, 2) >= energy - 1e-6);
            Assert.True(kept.Rank == 1 || Math.Pow(Norms.Of(values[..(kept.Rank - 1)]) / all, 2) < energy + 1e-6);
        }
    }

    [Fact]
    public void An_update_of_zeros_is_a_product_of_zeros()
    {
        using Parameter update = new("update", new Shape(20, 30));
        foreach (LowRankProduct product in (LowRankProduct[])[LowRankProduct.Nearest(Cpus.Widest, update, 3), LowRankProduct.WithEnergy(Cpus.Widest, update, 0.9)])
        {
            Assert.Equal(0, product.RelativeError(Cpus.Widest, update));
            Assert.All(Merged(product.ToLora()), w => Assert.Equal(0, w));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_mixture_made_for_an_update_does_that_update(bool gated)
    {
        KroneckerShape[] shapes = [new(4, 6, 8, 8), new(4, 6, 8, 8), new(4, 6, 8, 8)];
        float[] update = new float[Outputs * Inputs];
        for (int i = 0; i < 3; i++) DenseKronecker.AddTo(update, shapes[i], 1, Draw.Normal((ulong)i, 24), Draw.Normal(10 + (ulong)i, 64));
        MokaOptions options = new() { Shapes = shapes, Scale = 2.5f, Gated = gated, Temperature = 0.3f };
        (MokaAdapter moka, double error) = MokaAdapter.FromUpdate(Cpus.Widest, update, Outputs, Inputs, options);
        Assert.InRange(error, 0, 1e-5);
        Close(update, Merged(moka));
        Assert.Equal(gated, moka.Gate is not null);
        if (gated) Assert.All(moka.Gate!.Data.ToArray(), g => Assert.Equal(0, g));
        ErrorLine.Of(() => MokaAdapter.FromUpdate(Cpus.Widest, update, Outputs, Inputs, options with { Shapes = [new(2, 2, 2, 2)] }), "2x2:2x2");
    }

    private static Adapter Trained(string kind)
    {
        KroneckerShape[] shapes = [new(4, 6, 8, 8), new(32, 1, 1, 48), new(8, 24, 4, 2)];
        Adapter adapter = kind switch
        {
            "moka" => new MokaAdapter(Outputs, Inputs, new MokaOptions { Shapes = shapes, Scale = 1.5f, Temperature = 0.7f }, 1, 0),
            "ungated" => new MokaAdapter(Outputs, Inputs, new MokaOptions { Shapes = shapes, Gated = false }, 1, 0),
            "moka-s" => new MokaSAdapter(Outputs, Inputs, new MokaSOptions { Scale = 0.8f }),
            "krona" => new KronaAdapter(Outputs, Inputs, new KronaOptions { Scale = 0.8f }, 1, 0),
            "lokr" => new LokrAdapter(Outputs, Inputs, new LokrOptions { Alpha = 4 }, 1, 0),
            _ => new LokrAdapter(Outputs, Inputs, new LokrOptions { Rank = 2, DecomposeBoth = true, Factor = 8 }, 1, 0),
        };
        Move(adapter, 7);
        return adapter;
    }

    private static void Move(Adapter adapter, ulong seed)
    {
        for (int i = 0; i < adapter.Parameters.Count; i++) adapter.Parameters[i].FillNormal(0.5f, seed, (ulong)i);
    }

    private static float[] Merged(Adapter adapter)
    {
        float[] weight = new float[adapter.Out * adapter.In];
        adapter.Merge(weight);
        return weight;
    }

    private static void Close(float[] expected, float[] actual) => Assert.True(Norms.Distance(expected, actual) <= 1e-5 * Norms.Of(expected), $"the updates differ by {Norms.Distance(expected, actual) / Norms.Of(expected):E1}");
}
