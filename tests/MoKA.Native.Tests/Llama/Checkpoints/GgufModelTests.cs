using System.Collections.Immutable;
using System.Runtime.InteropServices;
using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Training;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Checkpoints;
using MoKA.Native.Tests.Llama.Tokenizers;
using MoKA.Native.Tests.Quantization;

namespace MoKA.Native.Tests.Llama.Checkpoints;

/// <summary>A model written as GGUF gives, to the bit, the logits of the model that was written.</summary>
public sealed class GgufModelTests : IDisposable
{
    private static readonly LlamaConfig Wide = TinyLlama.Config with { HiddenSize = 256, IntermediateSize = 512, HeadDim = 64 };
    private static readonly int[] Tokens = [1, 5, 9, 0, 22, 3, 3];
    private readonly TempFolder _folder = new();

    public static TheoryData<WeightStorage, WeightStorage> Storages => new()
    {
        { WeightStorage.F16, WeightStorage.F16 },
        { WeightStorage.BF16, WeightStorage.BF16 },
        { WeightStorage.Q4_0, WeightStorage.F16 },
        { WeightStorage.Q8_0, WeightStorage.F32 },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Floats(bool tied, bool extended)
    {
        LlamaModel model = TinyLlama.Create((extended ? TinyLlama.Extended with { RopeScaling = null } : TinyLlama.Config) with { TieEmbeddings = tied });
        LlamaModel loaded = Load(TinyGguf.Write(model));
        Assert.Equal(model.Config, loaded.Config with { EosTokenIds = model.Config.EosTokenIds });
        Bits.Equal(Logits(model), Logits(loaded), "logits");
        Assert.Equal(4 * model.Config.ParameterCount, loaded.WeightBytes);
        Assert.DoesNotContain(loaded.Parameters, p => p.Trainable);
    }

    [Theory]
    [MemberData(nameof(Storages))]
    public void One_type_for_maps_and_one_for_tables(WeightStorage linears, WeightStorage tables)
    {
        LlamaModel model = Turned(TinyLlama.Create(TinyLlama.Config), linears, tables, (kind, weights, outputs, inputs) =>
            (kind is "embedding" or "head" ? tables : linears) is var storage && storage == WeightStorage.F32 ? new FrozenLinear(Stored.Floats(outputs, inputs, weights)) : new FrozenLinear(storage.Quantize(weights, outputs, inputs)));
        LlamaModel loaded = Load(TinyGguf.Write(model));
        Assert.Equal((linears, tables), (loaded.Config.LinearStorage, loaded.Config.TableStorage));
        Bits.Equal(Logits(model), Logits(loaded), "logits");
        Assert.Equal(model.WeightBytes, loaded.WeightBytes);
    }

    [Fact]
    public void Every_tensor_in_a_type_of_its_own()
    {
        BlockType[] types = Enum.GetValues<BlockType>();
        int next = 0;
        LlamaModel model = Turned(TinyLlama.Create(Wide), WeightStorage.Other, WeightStorage.Other, (_, _, outputs, inputs) => new FrozenLinear(Stored.Random(types[next % types.Length], outputs, inputs, seed: (ulong)next++)));
        LlamaModel loaded = Load(TinyGguf.Write(model));
        Assert.True(next > types.Length);
        Assert.Equal((WeightStorage.Other, WeightStorage.Other), (loaded.Config.LinearStorage, loaded.Config.TableStorage));
        Assert.Equal(model.Projections.Select(p => ((FrozenLinear)p.Current).Weight.Format), loaded.Projections.Select(p => ((FrozenLinear)p.Current).Weight.Format));
        Bits.Equal(Logits(model), Logits(loaded), "logits");
        LlamaModel dense = new(model.Config, new TurnedWeights(model, (_, weights, outputs, inputs) => new Linear(Draw.Parameter(new Shape(outputs, inputs), weights))));
        Bits.Equal(Logits(dense), Logits(loaded), "logits of the decoded weights");

        // As floats it is a folder like any other; in no type of its own it is none.
        LlamaFolder.Save(_folder.Path, loaded, TokenizerFixtures.Small, WeightStorage.F32, WeightStorage.F32);
        Bits.Equal(Logits(model), Logits(LlamaFolder.LoadModel(_folder.Path)), "logits of the folder");
        ErrorLine.Of(() => LlamaFolder.Save(_folder.File("other"), loaded, TokenizerFixtures.Small, WeightStorage.Other, WeightStorage.Other), "embed_tokens", "Other");

        // Of such a model only its weights can tell what they take.
        Assert.Equal(model.WeightBytes, loaded.WeightBytes);
        Assert.Equal(GgufModel.WeightBytes(_folder.File("m.gguf")), loaded.WeightBytes);
        long rotary = 4L * 10 * Wide.HeadDim;
        Assert.Equal(loaded.WeightBytes + rotary, MemoryEstimate.ForGeneration(loaded.Config, 10, loaded.WeightBytes).WeightBytes);
        Assert.Throws<InvalidOperationException>(() => MemoryEstimate.ForGeneration(loaded.Config, 10));
    }

    [Fact]
    public void Positions_scaled_by_a_list_or_a_factor()
    {
        LlamaConfig config = TinyLlama.Config;
        ListedRopeScaling list = new(ImmutableArray.Create(1f, 2f, 8f, 3.5f));
        LlamaModel listed = TinyLlama.Create(config with { RopeScaling = list }), linear = TinyLlama.Create(config with { RopeScaling = new LinearRopeScaling(4) });
        LlamaModel loaded = Load(TinyGguf.Metadata(config).Tensor("rope_freqs.weight", GgmlType.F32, [4], MemoryMarshal.AsBytes<float>(list.Divisors.ToArray()).ToArray()).Tensors(listed).ToArray());
        Assert.Equal(list, loaded.Config.RopeScaling);
        Bits.Equal(Logits(listed), Logits(loaded), "listed");
        loaded = Load(TinyGguf.Metadata(config).Add("llama.rope.scaling.type", "linear").Add("llama.rope.scaling.factor", 4f).Tensors(linear).ToArray());
        Bits.Equal(Logits(linear), Logits(loaded), "linear");
        Assert.Equal(linear.Config.RopeScaling, Load(TinyGguf.Metadata(config).Add("llama.rope.scale_linear", 4f).Tensors(linear).ToArray()).Config.RopeScaling);
        Assert.Equal(linear.Config.RopeScaling, Load(TinyGguf.Metadata(config).Add("llama.rope.scaling.factor", 4f).Tensors(linear).ToArray()).Config.RopeScaling);
        Assert.Null(Load(TinyGguf.Metadata(config).Add("llama.rope.scaling.type", "linear").Add("llama.rope.scale_linear", 1f).Tensors(linear).ToArray()).Config.RopeScaling);
        Assert.Null(Load(TinyGguf.Metadata(config).Add("llama.rope.scaling.type", "none").Add("llama.rope.scaling.factor", 4f).Tensors(linear).ToArray()).Config.RopeScaling);
        Assert.False(Logits(listed).SequenceEqual(Logits(linear)));
    }

    [Fact]
    public void Norms_in_half_precision_and_harmless_keys_are_taken()
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config);
        for (int i = 0; i < model.Norm.Data.Length; i++) model.Norm.Data[i] = (float)(Half)model.Norm.Data[i];
        byte[] halves = [.. model.Norm.Data.ToArray().SelectMany(x => BitConverter.GetBytes((Half)x))];
        GgufBytes bytes = TinyGguf.Metadata(TinyLlama.Config).Add("llama.vocab_size", 23u).Add("llama.expert_count", 0u).Add("llama.attention.causal", true).Add("llama.logit_scale", 1f);
        Bits.Equal(Logits(model), Logits(Load(bytes.Tensors(model).Replace("output_norm.weight", GgmlType.F16, [32], halves).ToArray())), "logits");
    }

    [Fact]
    public void What_it_says_of_its_tokenizer_comes_back()
    {
        GgufBytes bytes = TinyGguf.Metadata(TinyLlama.Config).Add("tokenizer.ggml.model", "gpt2").Add("tokenizer.ggml.pre", "llama-bpe").Add("tokenizer.ggml.tokens", "<unk>", "Ġa", "b")
            .Add("tokenizer.ggml.scores", 0f, -1f, -2f).Add("tokenizer.ggml.token_type", 2, 1, 6).Add("tokenizer.ggml.merges", "Ġ a", "a b").Add("tokenizer.ggml.unknown_token_id", 0u)
            .Add("tokenizer.ggml.padding_token_id", uint.MaxValue).Add("tokenizer.ggml.add_bos_token", true).Add("tokenizer.ggml.add_space_prefix", false).Add("tokenizer.chat_template", "{{ x }}")
            .Add("tokenizer.ggml.eot_token_id", 7u);
        string path = _folder.File("m.gguf", bytes.Tensors(TinyLlama.Create(TinyLlama.Config)).ToArray());
        GgufTokenizerData data = GgufModel.LoadTokenizerData(path);
        Assert.Equal(("gpt2", "llama-bpe", "{{ x }}"), (data.Model, data.Pre, data.ChatTemplate));
        Assert.Equal(["<unk>", "Ġa", "b"], data.Tokens);
        Assert.Equal([0f, -1f, -2f], data.Scores!);
        Assert.Equal([2, 1, 6], data.Types!);
        Assert.Equal(["Ġ a", "a b"], data.Merges!);
        Assert.Equal((1, 2, 0, null), (data.BosId, data.EosId, data.UnknownId, data.PaddingId));
        Assert.Equal((true, null, false), (data.AddBos, data.AddEos, data.AddSpacePrefix));
        LlamaConfig config = GgufModel.LoadConfig(path);
        Assert.Equal(1, config.BosTokenId);
        Assert.Equal([2, 7], config.EosTokenIds.ToArray());
        Assert.True(GgufModel.IsGguf(path));
        Assert.False(GgufModel.IsGguf(_folder.File("other", "GGU"u8)));
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path))), GgufModel.Hash(path));

        ErrorLine.Of(() => GgufModel.LoadTokenizerData(_folder.File("none.gguf", TinyGguf.Metadata(TinyLlama.Config).ToArray())), "tokenizer.ggml.model");
        ErrorLine.Of(() => GgufModel.LoadTokenizerData(_folder.File("none.gguf", new GgufBytes().Add("tokenizer.ggml.model", "llama").Add("tokenizer.ggml.tokens", "a", "b").Add("tokenizer.ggml.scores", new[] { 0f }).ToArray())), "tokenizer.ggml.scores", "2 tokens, got 1");
    }

    private LlamaModel Load(byte[] file) => GgufModel.LoadModel(_folder.File("m.gguf", file));

    private static LlamaModel Turned(LlamaModel source, WeightStorage linears, WeightStorage tables, Func<string, float[], int, int, ILinear> turn) =>
        new(source.Config with { LinearStorage = linears, TableStorage = tables }, new TurnedWeights(source, turn));

    private static float[] Logits(LlamaModel model)
    {
        using Tape tape = new(Cpus.Widest, gradients: false);
        return model.Logits(tape, Tokens, new Sequences(new[] { 0, Tokens.Length })).Data.ToArray();
    }
}
