using System.Globalization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>The table between this library's names and those of GGUF files that hold a LLaMA; no other file knows them.</summary>
internal static class GgufNames
{
    public const string Architecture = "general.architecture", Llama = "llama", Name = "general.name", Type = "general.type", FileType = "general.file_type", QuantizationVersion = "general.quantization_version";

    public const string Adapter = "adapter", AdapterType = "adapter.type", Lora = "lora", LoraAlpha = "adapter.lora.alpha", LoraA = ".lora_a", LoraB = ".lora_b";

    public const string Positions = "llama.context_length", Hidden = "llama.embedding_length", Intermediate = "llama.feed_forward_length", Layers = "llama.block_count";
    public const string Heads = "llama.attention.head_count", KeyValueHeads = "llama.attention.head_count_kv", KeyLength = "llama.attention.key_length", ValueLength = "llama.attention.value_length";
    public const string Epsilon = "llama.attention.layer_norm_rms_epsilon", Vocabulary = "llama.vocab_size";
    public const string RopeWidth = "llama.rope.dimension_count", RopeTheta = "llama.rope.freq_base", ScalingType = "llama.rope.scaling.type", ScalingFactor = "llama.rope.scaling.factor", OldScalingFactor = "llama.rope.scale_linear";

    public const string TokenModel = "tokenizer.ggml.model", TokenPre = "tokenizer.ggml.pre", Tokens = "tokenizer.ggml.tokens", Scores = "tokenizer.ggml.scores", TokenTypes = "tokenizer.ggml.token_type", Merges = "tokenizer.ggml.merges";
    public const string Bos = "tokenizer.ggml.bos_token_id", Eos = "tokenizer.ggml.eos_token_id", Eot = "tokenizer.ggml.eot_token_id", Eom = "tokenizer.ggml.eom_token_id", Unknown = "tokenizer.ggml.unknown_token_id", Padding = "tokenizer.ggml.padding_token_id";
    public const string AddBos = "tokenizer.ggml.add_bos_token", AddEos = "tokenizer.ggml.add_eos_token", AddSpacePrefix = "tokenizer.ggml.add_space_prefix", ChatTemplate = "tokenizer.chat_template";

    public const string Embedding = "token_embd.weight", FinalNorm = "output_norm.weight", Head = "output.weight", RopeDivisors = "rope_freqs.weight";

    /// <summary>What other models under the same name have and this library does not compute: the key, and the value at which it changes nothing, if there is one.</summary>
    public static IReadOnlyList<(string Key, double? Harmless)> Unsupported { get; } =
    [
        ("llama.expert_count", 0), ("llama.expert_used_count", 0), ("llama.attention.sliding_window", 0), ("llama.attention.clamp_kqv", 0), ("llama.attention.max_alibi_bias", 0),
        ("llama.attention.scale", null), ("llama.rope.scaling.attn_factor", 1), ("llama.logit_scale", 1), ("llama.residual_scale", 1), ("llama.embedding_scale", 1),
        ("split.count", 0), // the rest of the tensors lies in other files; 0 is what merging leaves
    ];

    public const string Causal = "llama.attention.causal", ParallelResidual = "llama.use_parallel_residual";

    public static string Norm(int layer, string kind) => Block(layer, kind == "attention" ? "attn_norm" : "ffn_norm");

    public static string Weight(int layer, string kind) => Block(layer, kind switch
    {
        "q" or "k" or "v" => "attn_" + kind,
        "o" => "attn_output",
        _ => "ffn_" + kind,
    });

    public static string Bias(int layer, string kind) => Weight(layer, kind)[..^"weight".Length] + "bias";

    private static string Block(int layer, string part) => string.Create(CultureInfo.InvariantCulture, $"blk.{layer}.{part}.weight");
}
