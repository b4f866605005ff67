using MoKA.Native.Autograd;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Quantization;

namespace MoKA.Native.Tests.Llama.Checkpoints;

public sealed class ModelSynthesizerTests : IDisposable
{
    private static readonly LlamaConfig Config = TinyLlama.Config with { VocabularySize = 300, HiddenSize = 64, HeadDim = 16, IntermediateSize = 96, BosTokenId = 1, EosTokenIds = [2] };
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Stored.Storages), MemberType = typeof(Stored))]
    public void Writes_a_model_that_computes_with_weights_of_the_right_scale(WeightStorage storage)
    {
        LlamaConfig config = Config with { LinearStorage = storage, TableStorage = storage.IsFloat() ? storage : WeightStorage.BF16 };
        int reported = 0;
        ModelSynthesizer.Write(config, seed: 3, _folder.Path, done => reported = done);
        Assert.Equal(ModelSynthesizer.Matrices(config), reported);
        LlamaModel model = LlamaFolder.LoadModel(_folder.Path);
        Assert.Equal(config.VocabularySize, LlamaFolder.LoadTokenizer(_folder.Path, model.Config).VocabularySize);
        foreach (Projection projection in model.Projections)
        {
            float[] weights = Dense(projection);
            double mean = weights.Average(), deviation = Math.Sqrt(weights.Average(w => (double)w * w)), expected = projection.Kind is "o" or "down" ? 0.02 / Math.Sqrt(2 * config.Layers) : 0.02;
            Assert.InRange(deviation / expected, 0.95, 1.05);
            Assert.InRange(mean / expected, -0.1, 0.1);
        }
        Assert.NotEqual(Dense(model.Projections[0])[..64], Dense(model.Projections[7])[..64]);
        using Tape tape = new(Cpus.Widest);
        Assert.All(model.Logits(tape, new[] { 1, 5, 9 }, new Sequences(new[] { 0, 3 })).Data.ToArray(), logit => Assert.True(float.IsFinite(logit)));
    }

    [Fact]
    public void The_same_seed_gives_the_same_file()
    {
        LlamaConfig config = Config with { LinearStorage = WeightStorage.NF4Double, TableStorage = WeightStorage.BF16 };
        foreach ((string folder, ulong seed) in ((string, ulong)[])[("a", 1), ("b", 1), ("c", 2)]) ModelSynthesizer.Write(config, seed, _folder.File(folder));
        byte[] Weights(string folder) => File.ReadAllBytes(Path.Combine(_folder.File(folder), LlamaFolder.WeightsFile));
        Assert.Equal(Weights("a"), Weights("b"));
        Assert.NotEqual(Weights("a"), Weights("c"));
    }

    [Fact]
    public void Opening_a_model_reads_none_of_its_large_weights()
    {
        LlamaConfig config = Config with { LinearStorage = WeightStorage.Q4_0, TableStorage = WeightStorage.BF16 };
        ModelSynthesizer.Write(config, seed: 1, _folder.Path);
        // Scales that are not numbers are found where the weight is used, not before: nothing looks at them until then.
        Tests.Checkpoints.TensorFile.Edit(_folder.File(LlamaFolder.WeightsFile), f => f.PokeHalf(f.Find("down_proj.weight"), Half.NaN));
        LlamaModel model = LlamaFolder.LoadModel(_folder.Path);
        using Tape tape = new(Cpus.Widest);
        ErrorLine.Of(() => model.Logits(tape, new[] { 1 }, new Sequences(new[] { 0, 1 })), "down_proj", "finite");
    }

    private static float[] Dense(ILinear map)
    {
        float[] weight = new float[map.Out * map.In];
        map.CopyWeight(weight);
        return weight;
    }
}
