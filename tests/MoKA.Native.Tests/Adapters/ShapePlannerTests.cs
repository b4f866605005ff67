using System.Diagnostics;
using FsCheck.Xunit;
using MoKA.Native.Adapters;

namespace MoKA.Native.Tests.Adapters;

/// <summary>The planner's mixtures against a search of all of them, its limits, and lengths that are hard to factorise.</summary>
[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 40)]
public sealed class ShapePlannerTests
{
    [Property]
    public void Nothing_beats_a_proposal_and_everything_else_is_beaten_or_equalled(Size outputs, Size inputs, byte count) => Check(outputs, inputs, 1 + count % 3);

    [Theory]
    [InlineData(12, 24, 3)]
    [InlineData(24, 36, 2)]
    [InlineData(16, 16, 4)]
    [InlineData(30, 42, 2)]
    public void So_it_is_for_lengths_of_many_divisors(int outputs, int inputs, int filters) => Check(outputs, inputs, filters);

    [Property]
    public void Limits_are_kept_and_hide_nothing_that_keeps_them(Size outputs, Size inputs, byte count, ushort budget, byte rank)
    {
        int filters = 1 + count % 3, least = rank % (Math.Min(outputs, inputs) + 2);
        IReadOnlyList<MixturePlan> all = ShapePlanner.Propose(outputs, inputs, filters), limited = ShapePlanner.Propose(outputs, inputs, filters, budget % 400, least);
        Assert.All(limited, p => Assert.True(p.Parameters <= budget % 400 && p.MaximalRank >= least));
        Assert.Equal(all.Where(p => p.Parameters <= budget % 400 && p.MaximalRank >= least).Select(Text), limited.Select(Text));
    }

    [Property]
    public void The_order_is_that_of_parameters_and_always_the_same(Size outputs, Size inputs, byte count)
    {
        string[] first = [.. ShapePlanner.Propose(outputs, inputs, 1 + count % 4).Select(Text)];
        Assert.Equal(first, ShapePlanner.Propose(outputs, inputs, 1 + count % 4).Select(Text));
        long[] parameters = [.. ShapePlanner.Propose(outputs, inputs, 1 + count % 4).Select(p => p.Parameters)];
        Assert.Equal(parameters.Order(), parameters);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 13)]
    [InlineData(13, 1)]
    [InlineData(127, 131)]
    public void Lengths_that_are_prime_or_one_have_mixtures(int outputs, int inputs)
    {
        IReadOnlyList<MixturePlan> plans = ShapePlanner.Propose(outputs, inputs, 3);
        Assert.NotEmpty(plans);
        Assert.All(plans.SelectMany(p => p.Shapes), s => Assert.Equal((outputs, inputs), (s.Out, s.In)));
        // Filters of two vectors, one rank each; the dense matrix is the only other shape.
        if (outputs == 127) Assert.Equal([3L, 127], plans.Select(p => p.MaximalRank));
    }

    [Fact]
    public void A_large_map_of_many_divisors_is_planned_at_once()
    {
        Stopwatch watch = Stopwatch.StartNew();
        IReadOnlyList<MixturePlan> plans = ShapePlanner.Propose(14336, 4096, 10);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 5);
        Assert.InRange(plans.Count, 50, 5000);
        Assert.Equal((10L, 4096L), (plans.Min(p => p.MaximalRank), plans.Max(p => p.MaximalRank)));
        for (int i = 0; i < plans.Count; i++) Assert.DoesNotContain(plans, p => p.Dominates(plans[i]));
    }

    [Theory]
    [InlineData(4096, 4096, 169, 13)]
    [InlineData(14336, 4096, 312, 30)]
    public void Few_shapes_are_left_to_combine(int outputs, int inputs, int shapes, int unbeaten)
    {
        Assert.Equal(shapes, KroneckerShapes.CheapestFirst(outputs, inputs).Count());
        Assert.Equal(unbeaten, ShapePlanner.Propose(outputs, inputs, 1).Count);
    }

    [Fact]
    public void Alike_shapes_take_turns()
    {
        // The cheapest mixture of all has vectors for filters, of both orientations.
        MixturePlan cheapest = ShapePlanner.Propose(4096, 4096, 4).MinBy(p => p.Cost)!;
        Assert.Equal(["1x4096:4096x1", "4096x1:1x4096", "1x4096:4096x1", "4096x1:1x4096"], cheapest.Shapes.Select(s => s.ToString()));
    }

    [Property]
    public void Identity_shapes_are_those_of_common_divisors(Size outputs, Size inputs)
    {
        IdentityShape[] all = [.. KroneckerShapes.WithIdentity(outputs, inputs)];
        Assert.All(all, s => Assert.Equal((outputs, inputs), ((int)s.Out, (int)s.In)));
        Assert.All(all, s => Assert.Equal((long)s.Repeats * s.Rows * s.Columns, s.Cost));
        int common = Enumerable.Range(1, outputs).Count(k => outputs % k == 0 && inputs % k == 0);
        Assert.Equal(2 * common - 1, all.Distinct().Count());
    }

    [Theory]
    [InlineData(0, 4, 1)]
    [InlineData(4, 0, 1)]
    [InlineData(4, 4, 0)]
    [InlineData(4, 4, 1025)]
    public void What_cannot_be_planned_is_refused(int outputs, int inputs, int filters) => ErrorLine.Of(() => ShapePlanner.Propose(outputs, inputs, filters));

    private static void Check(int outputs, int inputs, int filters)
    {
        IReadOnlyList<MixturePlan> plans = ShapePlanner.Propose(outputs, inputs, filters);
        Assert.NotEmpty(plans);
        Assert.All(plans, p => Assert.Equal(filters, p.Shapes.Count));
        Assert.All(plans.SelectMany(p => p.Shapes), s => Assert.Equal((outputs, inputs), (s.RowsA * s.RowsB, s.ColumnsA * s.ColumnsB)));
        Assert.Equal(plans.Count, plans.Select(p => (p.Parameters, p.MaximalRank, p.Cost)).Distinct().Count());
        foreach (MixturePlan other in Every(outputs, inputs, filters))
        {
            Assert.DoesNotContain(plans, p => other.Dominates(p));
            Assert.Contains(plans, p => p.Dominates(other) || (p.Parameters, p.MaximalRank, p.Cost) == (other.Parameters, other.MaximalRank, other.Cost));
        }
    }

    /// <summary>Every mixture, order aside.</summary>
    private static IEnumerable<MixturePlan> Every(int outputs, int inputs, int filters)
    {
        KroneckerShape[] shapes = [.. KroneckerShapes.All(outputs, inputs)];
        IEnumerable<int[]> picks = [[]];
        for (int i = 0; i < filters; i++) picks = [.. from pick in picks from next in Enumerable.Range(pick.Length == 0 ? 0 : pick[^1], shapes.Length - (pick.Length == 0 ? 0 : pick[^1])) select (int[])[.. pick, next]];
        return picks.Select(pick => new MixturePlan([.. pick.Select(k => shapes[k])]));
    }

    private static string Text(MixturePlan plan) => string.Join(' ', plan.Shapes);
}
