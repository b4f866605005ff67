using System.Runtime.InteropServices;
using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Tests.Checkpoints;
using MoKA.Native.Tests.Llama.Checkpoints;

namespace MoKA.Native.Tests.Golden;

/// <summary>Each generation of LLaMA, from the files its authors would publish to the last logit of PyTorch.</summary>
public sealed class GoldenFamilyTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(GoldenFamily.Names), MemberType = typeof(GoldenFamily))]
    public void A_folder_gives_the_logits_and_the_text_of_PyTorch(string name)
    {
        using GoldenFamily golden = new(name);
        golden.Publish(_folder.Path);
        golden.AssertComputedBy(ModelSource.Open(_folder.Path).LoadModel());
    }

    [Theory]
    [MemberData(nameof(GoldenFamily.Names), MemberType = typeof(GoldenFamily))]
    public void So_do_several_files(string name)
    {
        using GoldenFamily golden = new(name);
        golden.Publish(_folder.Path);
        TensorFile.Split(_folder.File(LlamaFolder.WeightsFile), _folder.File(LlamaFolder.IndexFile), files: 2);
        File.Delete(_folder.File(LlamaFolder.WeightsFile));
        ModelSource source = ModelSource.Open(_folder.Path);
        Assert.Equal(2, source.WeightFiles.Count);
        golden.AssertComputedBy(source.LoadModel());
    }

    [Theory]
    [MemberData(nameof(GoldenFamily.Names), MemberType = typeof(GoldenFamily))]
    public void So_does_a_GGUF_file(string name)
    {
        using GoldenFamily golden = new(name);
        golden.Publish(_folder.File("folder"));
        LlamaModel model = LlamaFolder.LoadModel(_folder.File("folder"));
        LlamaConfig config = model.Config;
        GgufBytes bytes = TinyGguf.Metadata(config);
        if (config.RopeScaling is LinearRopeScaling linear) bytes.Add("llama.rope.scaling.type", "linear").Add("llama.rope.scaling.factor", (float)linear.Factor);
        bytes.Tensors(model);
        // A converter lists what LLaMA-3.1's rule divides each frequency by.
        if (config.RopeScaling is Llama3RopeScaling rule)
        {
            double Frequency(int pair) => Math.Pow(config.RopeTheta, -2.0 * pair / config.HeadDim);
            float[] divisors = [.. Enumerable.Range(0, config.HeadDim / 2).Select(i => (float)(1 / rule.Scale(i, Frequency(i)) * Frequency(i)))];
            bytes.Tensor("rope_freqs.weight", GgmlType.F32, [(ulong)divisors.Length], MemoryMarshal.AsBytes<float>(divisors).ToArray());
        }
        golden.AssertComputedBy(ModelSource.Open(_folder.File("model.gguf", bytes.ToArray())).LoadModel());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void So_does_a_file_of_llama2c(int version)
    {
        using GoldenFamily golden = new("llama2");
        golden.Publish(_folder.File("folder"));
        string path = _folder.File("model.bin", TinyLlama2c.Write(LlamaFolder.LoadModel(_folder.File("folder")), version));
        golden.AssertComputedBy(ModelSource.Open(path).LoadModel());
    }

    [Theory]
    [InlineData("null")]
    [InlineData("4096")]
    public void A_Mistral_of_the_same_numbers_computes_the_same(string window)
    {
        using GoldenFamily golden = new("llama3");
        golden.Publish(_folder.Path);
        string config = File.ReadAllText(_folder.File(LlamaFolder.ConfigFile));
        File.WriteAllText(_folder.File(LlamaFolder.ConfigFile), config.Replace("LlamaForCausalLM", "MistralForCausalLM", StringComparison.Ordinal).Replace("\"llama\"", $"\"mistral\", \"sliding_window\": {window}", StringComparison.Ordinal));
        golden.AssertComputedBy(ModelSource.Open(_folder.Path).LoadModel());
    }

    [Fact]
    public void Each_has_what_sets_its_generation_apart()
    {
        LlamaConfig Of(string name)
        {
            using GoldenFamily golden = new(name);
            golden.Publish(_folder.File(name));
            return ModelSource.Open(_folder.File(name)).Config;
        }
        LlamaConfig two = Of("llama2"), three = Of("llama3"), later = Of("llama32"), relative = Of("relative");
        Assert.True(two.KeyValueHeads == two.Heads && !two.TieEmbeddings && two.RopeTheta == 10_000);
        Assert.True(three.KeyValueHeads < three.Heads && three.RopeTheta == 500_000 && three.EosTokenIds.Length == 2);
        Assert.True(later.TieEmbeddings && later.RopeScaling is Llama3RopeScaling && later.QuerySize != later.HiddenSize);
        Assert.True(relative.AttentionBias && relative.MlpBias && relative.RopeScaling is LinearRopeScaling);
    }

    [Fact]
    public void Scaling_shows_in_the_logits()
    {
        using GoldenFamily golden = new("llama32");
        golden.Publish(_folder.Path);
        LlamaModel scaled = LlamaFolder.LoadModel(_folder.Path), plain = new(scaled.Config with { RopeScaling = null }, new ThawedWeights(scaled));
        using Tape tape = new(Cpus.Widest, gradients: false);
        int[] tokens = [.. Enumerable.Range(1, 60)];
        float[] with = scaled.Logits(tape, tokens, new Sequences(new[] { 0, 60 })).Data.ToArray(), without = plain.Logits(tape, tokens, new Sequences(new[] { 0, 60 })).Data.ToArray();
        Assert.True(with.Zip(without, (a, b) => Math.Abs(a - b)).Max() > 0.01);
    }
}
