using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Training;
using MoKA.Native.Nn;

namespace MoKA.Native.Tests.Adapters;

/// <summary>What the settings of a method say of its adapters is true of them.</summary>
public sealed class AdapterOptionsTests
{
    [Theory]
    [MemberData(nameof(Methods.Names), MemberType = typeof(Methods))]
    public void The_count_is_that_of_the_adapter(string name)
    {
        AdapterOptions options = Methods.All[name];
        foreach ((int outputs, int inputs) in new[] { (32, 64), (64, 32), (96, 60), (7, 16), (1, 1) })
        {
            Adapter adapter = options.Create(FrozenMaps.Create(FrozenMaps.Float, outputs, inputs), seed: 1, stream: 2);
            Assert.Equal(adapter.ParameterCount, options.ParametersFor(outputs, inputs));
            Assert.NotEmpty(adapter.Parts);
            Assert.Equal((outputs, inputs), (adapter.Out, adapter.In));
            if (adapter.PartWeights is { } weights) Assert.Equal((adapter.Parts.Count, 1), (weights.Length, (int)Math.Round(weights.Sum())));
        }
        Assert.NotEmpty(options.Describe());
    }

    [Fact]
    public void Every_method_has_its_name() =>
        Assert.Equal(["MoKA", "MoKA", "MoKA_s", "KronA", "LoKr", "LoKr", "LoRA", "rsLoRA", "LoRA", "DoRA"], Methods.All.Values.Select(o => o.Method));

    [Fact]
    public void LoRA_plus_moves_B_faster_than_A()
    {
        using Parameter weight = Draw.Parameter(1, new Shape(8, 8));
        foreach (bool decomposed in new[] { false, true })
        {
            Adapter adapter = new LoraOptions { Rank = 2, RateRatio = 16, Decomposed = decomposed }.Create(new Linear(weight), 1, 0);
            Assert.All(adapter.Parameters, p => Assert.Equal(p.Name == "A" ? 1 : 16, p.RateFactor));
        }
        ErrorLine.Of(() => new LoraOptions { RateRatio = 0 }.Validate(), "Rate ratio");
    }

    [Fact]
    public void A_kind_of_map_may_have_options_of_its_own()
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config);
        KroneckerShape[] q = [new(8, 4, 4, 8), new(4, 4, 8, 8)], v = [new(2, 8, 8, 4), new(4, 4, 4, 8)];
        MokaOptions options = new() { Filters = 2, Scale = 3, Exceptions = [new MokaOptions { Kind = "q", Shapes = q }, new MokaOptions { Kind = "v", Shapes = v, Gated = false }] };
        AdapterSet adapters = new(model.Projections, AdapterTargets.Parse("q,v,down"), options, seed: 1);
        foreach ((Projection place, Adapter adapter) in adapters.Entries)
        {
            MokaAdapter moka = Assert.IsType<MokaAdapter>(adapter);
            Assert.Equal(place.Kind == "q" ? q : place.Kind == "v" ? v : KroneckerShapes.Balanced(place.Out, place.In, 2), moka.Shapes);
            Assert.Equal((place.Kind == "down" ? 3 : 1, place.Kind == "v"), (moka.Options.Scale, moka.Gate is null));
        }
        Assert.Equal(adapters.ParameterCount, new AdapterPlan(TinyLlama.Config, options, adapters.Targets).Parameters);
        Assert.Equal(4 * sizeof(float) * adapters.ParameterCount, MemoryEstimate.ForTraining(TinyLlama.Config, adapters.Targets, options, 10, 10).AdapterBytes);
        AdapterSet ranks = new(model.Projections, AdapterTargets.Parse("q,v"), new LoraOptions { Rank = 2, Exceptions = [new LoraOptions { Kind = "v", Rank = 5 }] }, seed: 1);
        Assert.Equal([2, 5, 2, 5], ranks.Entries.Select(e => ((LoraAdapter)e.Adapter).Options.Rank));
    }

    [Fact]
    public void Options_of_a_kind_that_cannot_be_are_named()
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config);
        void Make(AdapterOptions options, string targets = "q,v") => _ = new AdapterSet(model.Projections, AdapterTargets.Parse(targets), options, seed: 1);
        ErrorLine.Of(() => Make(new MokaOptions { Filters = 1, Exceptions = [new MokaOptions { Kind = "v", Shapes = [new(4, 4, 8, 8)] }] }), "4x4:8x8", "'v'", "32 inputs to 16 outputs", "choose rows");
        ErrorLine.Of(() => Make(new MokaSOptions { Exceptions = [new MokaSOptions { Kind = "v", Shapes = [new(4, 4, 8, true)] }] }), "I8:4x4", "'v'", "32 inputs to 16 outputs");
        ErrorLine.Of(() => Make(new KronaOptions { Exceptions = [new KronaOptions { Kind = "v", Shape = new(4, 4, 8, 8) }] }), "4x4:8x8", "'v'", "32 inputs to 16 outputs");
        ErrorLine.Of(() => Make(new MokaOptions { Filters = 1, Exceptions = [new MokaOptions { Filters = 1, Kind = "k" }] }), "'k'", "q, v", "adapt");
        ErrorLine.Of(() => Make(new MokaOptions { Filters = 1, Exceptions = [new MokaOptions { Filters = 1, Kind = "x" }] }, "all"), "'x'", "gate");
        ErrorLine.Of(() => Make(new MokaOptions { Filters = 3, Exceptions = [new MokaOptions { Filters = 2, Kind = "q" }] }), "same number", "3", "'q' 2");
        ErrorLine.Of(() => Make(new LoraOptions { Exceptions = [new LoraOptions { Kind = "q", Rank = 0 }] }), "Rank");
        ErrorLine.Of(() => Make(new LoraOptions { Exceptions = [new LoraOptions { Kind = "q", RankStabilized = true }] }), "same method", "rsLoRA");
        ErrorLine.Of(() => Make(new LoraOptions { Exceptions = [new LoraOptions()] }), "no kind");
        ErrorLine.Of(() => Make(new LoraOptions { Exceptions = [new LoraOptions { Kind = "q" }, new LoraOptions { Kind = "q" }] }), "only one");
        ErrorLine.Of(() => Make(new LoraOptions { Exceptions = [new LoraOptions { Kind = "q", Exceptions = [new LoraOptions { Kind = "v" }] }] }), "further");
    }
}
