using MoKA.Native.Adapters;
using MoKA.Native.Nn;

namespace MoKA.Native.Tests.Adapters;

/// <summary>Options and targets: what is refused, and with which line.</summary>
public sealed class MokaOptionsTests
{
    public static TheoryData<string, MokaOptions> Hostile => new()
    {
        { "Filters", new MokaOptions { Filters = 0 } },
        { "Filters", new MokaOptions { Filters = -1 } },
        { "Filters", new MokaOptions { Filters = int.MaxValue } },
        { "Filters", new MokaOptions { Shapes = [.. Enumerable.Repeat(new KroneckerShape(4, 4, 2, 2), 1025)] } },
        { "Scale", new MokaOptions { Scale = 0 } },
        { "Scale", new MokaOptions { Scale = float.NaN } },
        { "Scale", new MokaOptions { Scale = float.PositiveInfinity } },
        { "Dropout", new MokaOptions { Dropout = 1 } },
        { "Dropout", new MokaOptions { Dropout = -0.1f } },
        { "Dropout", new MokaOptions { Dropout = float.NaN } },
        { "temperature", new MokaOptions { Temperature = 0 } },
        { "temperature", new MokaOptions { Temperature = float.NaN } },
        { "4x4:3x2", new MokaOptions { Shapes = [new KroneckerShape(4, 4, 3, 2)] } },
        { "0x4:2x2", new MokaOptions { Shapes = [new KroneckerShape(0, 4, 2, 2)] } },
        { "-4x-4:-2x-2", new MokaOptions { Shapes = [new KroneckerShape(-4, -4, -2, -2)] } },
        { "65536x8:65537x1", new MokaOptions { Shapes = [new KroneckerShape(65536, 8, 65537, 1)] } },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void A_bad_option_is_named_in_one_line(string named, MokaOptions options) =>
        ErrorLine.Of(() => new MokaAdapter(8, 8, options, seed: 1, stream: 0), named);

    [Fact]
    public void Shapes_that_are_given_win_over_the_number_of_filters()
    {
        MokaOptions options = new() { Filters = 10, Shapes = [new KroneckerShape(2, 4, 4, 2)] };
        Assert.Equal(options.Shapes, options.ShapesFor(8, 8));
        Assert.Equal(3, (options with { Shapes = [], Filters = 3 }).ShapesFor(8, 8).Count);
    }

    [Fact]
    public void Targets_are_read_trimmed_and_once_each()
    {
        AdapterTargets targets = AdapterTargets.Parse(" q , v,q ");
        Assert.Equal(["q", "v"], targets.Kinds);
        Assert.Equal("q,v", targets.ToString());
        Assert.True(targets.Contains("v") && !targets.Contains("k"));
        Assert.True(AdapterTargets.Parse("all").Contains("down"));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" , ")]
    public void Targets_must_name_something(string text) => ErrorLine.Of(() => AdapterTargets.Parse(text), "Targets");

    [Fact]
    public void A_target_that_the_model_lacks_is_named_beside_those_it_has()
    {
        Projection[] places = [new("layers.0.q", "q", FrozenMaps.Create(FrozenMaps.Float, 8, 8))];
        ErrorLine.Of(() => AdapterTargets.Parse("q,query\n").RequireKnown(places), "'query", "q (or all)");
        AdapterTargets.Parse("q,all").RequireKnown(places);
    }
}
