using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Tests.Checkpoints;

namespace MoKA.Native.Tests.Llama.Checkpoints;

/// <summary>GGUF files that are no plain LLaMA, or not all of one, are refused by name; damaged ones are read or refused.</summary>
public sealed class GgufModelHostileTests : IDisposable
{
    private const int Mutants = 10_000;
    private static readonly LlamaModel Model = TinyLlama.Create(TinyLlama.Config with { VocabularySize = 11, HiddenSize = 8, IntermediateSize = 12, HeadDim = 2, Layers = 1 });
    private static readonly byte[] Whole = TinyGguf.Metadata(Model.Config).Add("tokenizer.ggml.model", "llama").Add("tokenizer.ggml.tokens", "<unk>", "<s>", "</s>", "▁a", "", "b", "c", "d", "e", "f", "g")
        .Add("tokenizer.ggml.scores", new float[11]).Add("tokenizer.ggml.token_type", new int[11]).Add("tokenizer.ggml.add_bos_token", true).Tensors(Model).ToArray();
    private readonly TempFolder _folder = new();

    public static TheoryData<string, string> Keys => new()
    {
        { "llama.expert_count", "8" },
        { "llama.expert_used_count", "2" },
        { "llama.attention.sliding_window", "4096" },
        { "llama.attention.clamp_kqv", "1.5f" },
        { "llama.logit_scale", "0.5f" },
        { "llama.attention.scale", "1f" },
        { "llama.rope.scaling.type", "yarn" },
        { "llama.rope.scaling.type", "longrope" },
        { "split.count", "3" },
        { "llama.attention.causal", "false" },
        { "llama.use_parallel_residual", "true" },
        { "llama.vocab_size", "12" },
        { "llama.attention.key_length", "4" },
        { "llama.attention.key_length", "3" },
        { "llama.attention.value_length", "4" },
        { "llama.rope.dimension_count", "1" },
        { "llama.attention.head_count", "0" },
        { "llama.attention.head_count", "3" },
        { "llama.attention.head_count_kv", "3" },
        { "llama.context_length", "0" },
        { "llama.context_length", "4294967295" },
        { "llama.block_count", "0" },
        { "llama.block_count", "2" },
        { "llama.embedding_length", "16" },
        { "llama.feed_forward_length", "16" },
        { "llama.feed_forward_length", "x" },
        { "llama.attention.layer_norm_rms_epsilon", "0f" },
        { "llama.rope.freq_base", "0f" },
        { "tokenizer.ggml.bos_token_id", "11" },
        { "tokenizer.ggml.eos_token_id", "4294967294" },
        { "general.architecture", "qwen2" },
        { "general.architecture", "1" },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_value_that_is_not_supported_or_does_not_fit_is_named(string key, string value)
    {
        GgufBytes bytes = TinyGguf.Metadata(Model.Config).Without(key);
        if (uint.TryParse(value, out uint number)) bytes.Add(key, number);
        else if (value.EndsWith('f')) bytes.Add(key, float.Parse(value[..^1], System.Globalization.CultureInfo.InvariantCulture));
        else if (bool.TryParse(value, out bool flag)) bytes.Add(key, flag);
        else bytes.Add(key, value);
        string line = ErrorLine.Of(() => GgufModel.LoadModel(_folder.File("m", bytes.Tensors(Model).ToArray())), _folder.File("m"));
        // The limits of a config are named as Hugging Face names them.
        Assert.Matches("llama\\.|split\\.|general\\.|tokenizer\\.|_|blk\\.|token_embd|head_dim", line);
    }

    [Theory]
    [InlineData("general.architecture")]
    [InlineData("llama.context_length")]
    [InlineData("llama.embedding_length")]
    [InlineData("llama.block_count")]
    [InlineData("llama.feed_forward_length")]
    [InlineData("llama.attention.head_count")]
    [InlineData("llama.attention.layer_norm_rms_epsilon")]
    public void A_value_that_is_missing_is_named(string key) =>
        ErrorLine.Of(() => GgufModel.LoadModel(_folder.File("m", TinyGguf.Metadata(Model.Config).Without(key).Tensors(Model).ToArray())), key);

    [Fact]
    public void Tensors_that_are_missing_too_many_or_of_another_kind_are_named()
    {
        foreach (string name in (string[])["token_embd.weight", "output_norm.weight", "blk.0.attn_q.weight", "blk.0.ffn_down.weight", "blk.0.ffn_norm.weight"])
        {
            Refused(b => b.Remove(name), name);
            Refused(b => b.Replace(name, GgmlType.F32, [3, 5], new byte[60]), name == "token_embd.weight" ? name : $"{name}", "[3, 5]");
        }
        Refused(b => b.Tensor("blk.0.ffn_gate_inp.weight", GgmlType.F32, [8, 4], new byte[128]), "blk.0.ffn_gate_inp.weight", "no part");
        Refused(b => b.Tensor("blk.0.attn_v.bias", GgmlType.F32, [4], new byte[16]), "blk.0.attn_v.bias", "no part");
        Refused(b => b.Tensor("blk.0.attn_q.bias", GgmlType.F32, [8], new byte[32]), "blk.0.attn_k.bias");
        Refused(b => b.Tensor("rope_freqs.weight", GgmlType.F32, [2], [0, 0, 128, 63, 0, 0, 128, 63]), "divisor");
        Refused(b => b.Tensor("rope_freqs.weight", GgmlType.F32, [1], new byte[4]), "divisors");
        Refused(b => b.Tensor("rope_freqs.weight", GgmlType.F32, [1 << 13], new byte[1 << 15]), "rope_freqs.weight", "8192");
        Refused(b => b.Add("llama.rope.scaling.factor", 4f).Tensor("rope_freqs.weight", GgmlType.F32, [1], [0, 0, 128, 63]), "rope_freqs.weight", "both", "4");
        Refused(b => b.Replace("blk.0.attn_v.weight", GgmlType.I32, [8, 4], new byte[128]), "blk.0.attn_v.weight", "I32");
        Refused(b => b.Replace("output_norm.weight", GgmlType.F32, [8], [.. Enumerable.Repeat((byte)0xFF, 32)]), "output_norm.weight", "finite");
    }

    [Fact]
    public void Weights_that_are_not_finite_are_named_when_they_are_used()
    {
        foreach (string name in (string[])["token_embd.weight", "blk.0.attn_q.weight", "blk.0.ffn_down.weight", "output.weight"])
        {
            ulong[] dims = name switch { "blk.0.attn_q.weight" => [8, 8], "blk.0.ffn_down.weight" => [12, 8], _ => [8, 11] };
            LlamaModel model = GgufModel.LoadModel(_folder.File(name, TinyGguf.Metadata(Model.Config).Tensors(Model).Replace(name, GgmlType.F32, dims, [.. Enumerable.Repeat((byte)0xFF, 4 * (int)(dims[0] * dims[1]))]).ToArray()));
            ErrorLine.Of(() => Use(model), name, "finite");
        }
    }

    [Property(Arbitrary = [typeof(BinaryMutant.Arbitraries)], MaxTest = Mutants)]
    public void Every_mutant_is_read_or_refused(BinaryMutant mutation)
    {
        byte[] mutant = mutation.Apply(Whole, header: 2400);
        string path = _folder.File("m.gguf", mutant);
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            LlamaModel model = GgufModel.LoadModel(path);
            Assert.InRange(model.WeightBytes, 1, mutant.Length);
            Assert.InRange(GgufModel.LoadTokenizerData(path).Tokens.Count, 0, mutant.Length);
            Use(model);
        }
        catch (MokaException error)
        {
            Assert.Contains(path, ErrorLine.Judge(error), StringComparison.Ordinal);
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 400_000 + 100 * mutant.Length);
    }

    private static void Use(LlamaModel model)
    {
        using Tape tape = new(Cpus.Scalar, gradients: false);
        model.Logits(tape, new[] { 0, 0 }, new Sequences(new[] { 0, 1, 2 }));
    }

    private void Refused(Action<GgufBytes> change, params string[] naming)
    {
        GgufBytes bytes = TinyGguf.Metadata(Model.Config).Tensors(Model);
        change(bytes);
        ErrorLine.Of(() => GgufModel.LoadModel(_folder.File("m", bytes.ToArray())), [_folder.File("m"), .. naming]);
    }
}
