using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Training;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Llama;

/// <summary>Known sizes: the parameter counts that are published for them and for the paper's adapters.</summary>
public sealed class LlamaShapesTests
{
    public static TheoryData<string> Names => [.. LlamaShapes.Names];

    [Theory]
    [InlineData("llama-2-7b", 6_738_415_616)]
    [InlineData("llama-3-8b", 8_030_261_248)]
    [InlineData("llama-2-13b", 13_015_864_320)]
    [InlineData("llama-3.2-1b", 1_235_814_400)]
    [InlineData("llama-3.2-3b", 3_212_749_824)]
    [InlineData("tinyllama-1.1b", 1_100_048_384)]
    public void Have_the_published_number_of_parameters(string name, long parameters) => Assert.Equal(parameters, LlamaShapes.Find(name).ParameterCount);

    [Theory]
    [MemberData(nameof(Names))]
    public void Are_valid_in_every_storage(string name)
    {
        foreach (WeightStorage storage in Enum.GetValues<WeightStorage>())
            (LlamaShapes.Find(name) with { LinearStorage = storage, TableStorage = storage.IsFloat() ? storage : WeightStorage.BF16 }).Validate();
    }

    [Theory]
    [InlineData("llama-2-7b", 5_242_880)]
    [InlineData("llama-3-8b", 3_932_160)]
    public void The_paper_s_mixtures_on_q_and_v_count_what_it_reports(string name, long filters)
    {
        // arXiv 2508.03527 reports 5.2 M and 3.9 M; ten gates a map come on top.
        LlamaConfig config = LlamaShapes.Find(name);
        MokaOptions options = new();
        long counted = 0, gates = 0;
        foreach ((string kind, int outputs, int inputs) in config.LinearMaps.Where(m => m.Kind is "q" or "v"))
        {
            MokaAdapter adapter = new(outputs, inputs, options, seed: 1, stream: 0);
            counted += config.Layers * adapter.Parameters.Where(p => p.Shape.Rank == 2).Sum(p => (long)p.Shape.Count);
            gates += config.Layers * adapter.Parameters.Where(p => p.Shape.Rank == 1).Sum(p => (long)p.Shape.Count);
        }
        Assert.Equal((filters, config.Layers * 20L), (counted, gates));
        MemoryEstimate estimate = MemoryEstimate.ForTraining(config, AdapterTargets.Parse("q,v"), options, 512, 512);
        Assert.Equal(16 * (filters + gates), estimate.AdapterBytes);
    }

    [Fact]
    public void LoRA_of_rank_32_on_five_maps_counts_what_is_reported_for_it()
    {
        LlamaConfig config = LlamaShapes.Find("llama-3-8b");
        long rank32 = 32 * config.Layers * config.LinearMaps.Where(m => m.Kind is "q" or "k" or "v" or "up" or "down").Sum(m => (long)m.Outputs + m.Inputs);
        Assert.Equal(56_623_104, rank32);
    }
}
