using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Training;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Adapters;

namespace MoKA.Native.Tests.Llama.Training;

public sealed class MemoryEstimateTests
{
    private static readonly LlamaConfig Config = new() { VocabularySize = 300, HiddenSize = 32, IntermediateSize = 96, Layers = 4, Heads = 4, KeyValueHeads = 2, HeadDim = 8, TieEmbeddings = true, MaxPositions = 64 };

    [Theory]
    [InlineData("all", 0f, 0, false)]
    [InlineData("q,v", 0f, 0, false)]
    [InlineData("q,v", 0.1f, 0, false)]
    [InlineData("all", 0f, 40, false)]
    [InlineData("all", 0f, 0, true)]
    [InlineData("q,v", 0.1f, 40, true)]
    public void TheEstimateIsNearTheTruth(string targets, float dropout, int promptLength, bool recompute)
    {
        const int Batch = 6, Length = 50;
        MokaOptions options = new() { Filters = 4, Dropout = dropout };
        LlamaModel model = new(Config, new RandomWeights(Config, 1)) { Recompute = recompute };
        model.Freeze();
        AdapterSet adapters = new(model.Projections, AdapterTargets.Parse(targets), (p, place) => new MokaAdapter(p.Out, p.In, options, 1, place));
        adapters.Attach();
        using Cpu cpu = new(1);
        using Trainer trainer = new(model, adapters.Parameters, new SameExample(Length, promptLength), new TrainingOptions { BatchSize = Batch }, cpu);
        trainer.Step();

        MemoryEstimate estimate = MemoryEstimate.ForTraining(Config, adapters.Targets, options, Batch * (Length - 1), Batch * (Length - Math.Max(1, promptLength)), recompute);
        Assert.InRange((double)estimate.ActivationBytes / trainer.ActivationBytes, 0.85, 1.15);
        Assert.Equal(16 * adapters.ParameterCount, estimate.AdapterBytes);
        Assert.Equal(4 * (Config.ParameterCount + Config.MaxPositions * Config.HeadDim), estimate.WeightBytes);
        Assert.Equal(estimate, MemoryEstimate.ForTraining(Config, adapters, Batch * (Length - 1), Batch * (Length - Math.Max(1, promptLength)), recompute));
    }

    [Theory]
    [MemberData(nameof(Methods.Names), MemberType = typeof(Methods))]
    public void TheEstimateOfEveryMethodIsNearTheTruth(string method)
    {
        const int Batch = 6, Length = 50;
        AdapterOptions options = Methods.All[method];
        LlamaModel model = new(Config, new RandomWeights(Config, 1));
        model.Freeze();
        AdapterSet adapters = new(model.Projections, AdapterTargets.Parse("all"), (p, place) => options.Create(p.Current, 1, place));
        adapters.Attach();
        using Trainer trainer = new(model, adapters.Parameters, new SameExample(Length, 0), new TrainingOptions { BatchSize = Batch }, Cpus.Widest);
        trainer.Step();
        MemoryEstimate estimate = MemoryEstimate.ForTraining(Config, adapters.Targets, options, Batch * (Length - 1), Batch * (Length - 1));
        Assert.InRange((double)estimate.ActivationBytes / trainer.ActivationBytes, 0.85, 1.15);
        Assert.Equal(16 * adapters.ParameterCount, estimate.AdapterBytes);
    }

    [Fact]
    public void WeightsTakeTheBitsOfTheirStorage()
    {
        MemoryEstimate dense = MemoryEstimate.ForGeneration(Config, 10), quantized = MemoryEstimate.ForGeneration(Config with { LinearStorage = WeightStorage.Q4_0 }, 10);
        long maps = Config.Layers * (Config.BlockParameterCount - 2 * Config.HiddenSize);
        Assert.Equal(maps * 27.5 / 8, dense.WeightBytes - quantized.WeightBytes);
        MemoryEstimate halves = MemoryEstimate.ForGeneration(Config with { TableStorage = WeightStorage.BF16 }, 10);
        Assert.Equal(2L * Config.VocabularySize * Config.HiddenSize * (Config.TieEmbeddings ? 1 : 2), dense.WeightBytes - halves.WeightBytes);
        Assert.Equal(2 * Config.Layers * Config.KeyValueSize * 10 * sizeof(float), dense.CacheBytes);
    }

    private sealed class SameExample(int length, int promptLength) : IBatchSource
    {
        public void FillBatch(TokenBatch batch, long step, int batchSize)
        {
            batch.Clear();
            for (int i = 0; i < batchSize; i++) batch.Add([.. Enumerable.Range(3, length)], promptLength);
        }
    }
}
