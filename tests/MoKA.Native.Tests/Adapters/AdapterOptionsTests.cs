using MoKA.Native.Adapters;
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
}
