using System.Collections.Immutable;
using MoKA.Native.Diagnostics;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama;

/// <summary>
/// The sizes and constants of one LLaMA model. Messages name its values as Hugging Face's <c>config.json</c> does.
/// </summary>
/// <remarks>Two records with equal but separate lists of <see cref="EosTokenIds"/> compare as different.</remarks>
public sealed record LlamaConfig
{
    /// <summary>Number of token ids, <c>vocab_size</c>.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Width of the residual stream, <c>hidden_size</c>.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width inside the feed-forward part, <c>intermediate_size</c>.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Number of blocks, <c>num_hidden_layers</c>.</summary>
    public required int Layers { get; init; }

    /// <summary>Number of query heads, <c>num_attention_heads</c>.</summary>
    public required int Heads { get; init; }

    /// <summary>Number of key and value heads, <c>num_key_value_heads</c>; divides <see cref="Heads"/>.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Width of one head, <c>head_dim</c>; even. Often, but not always, hidden size / heads.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Longest sequence the model was trained for, in tokens, <c>max_position_embeddings</c>.</summary>
    public int MaxPositions { get; init; } = 2048;

    /// <summary>Added to the mean square inside RMSNorm, <c>rms_norm_eps</c>.</summary>
    public float RmsNormEpsilon { get; init; } = 1e-6f;

    /// <summary>Base of the rotary frequencies, <c>rope_theta</c>.</summary>
    public float RopeTheta { get; init; } = 10000f;

    /// <summary>How the rotary frequencies are changed for long contexts, <c>rope_scaling</c>; null for not at all.</summary>
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>Whether the output head is the embedding table, <c>tie_word_embeddings</c>.</summary>
    public bool TieEmbeddings { get; init; }

    /// <summary>Whether q, k, v and o add a bias, <c>attention_bias</c>.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether gate, up and down add a bias, <c>mlp_bias</c>.</summary>
    public bool MlpBias { get; init; }

    /// <summary>The id that opens a text, <c>bos_token_id</c>, or null when the model has none.</summary>
    public int? BosTokenId { get; init; } = 1;

    /// <summary>The ids that end a text, <c>eos_token_id</c>; may be empty.</summary>
    public ImmutableArray<int> EosTokenIds { get; init; } = [2];

    /// <summary>
    /// How the linears of the blocks are stored, <c>quantization_config</c> or else <c>torch_dtype</c>; <see cref="WeightStorage.Other"/>
    /// where only the weights themselves can tell.
    /// </summary>
    public WeightStorage LinearStorage { get; init; }

    /// <summary>How the token table and the head are stored, <c>torch_dtype</c>: a floating-point type, or <see cref="WeightStorage.Other"/> as above.</summary>
    public WeightStorage TableStorage { get; init; }

    /// <summary>Outputs of the query projection, heads * head_dim.</summary>
    public int QuerySize => Heads * HeadDim;

    /// <summary>Outputs of the key and of the value projection, num_key_value_heads * head_dim.</summary>
    public int KeyValueSize => KeyValueHeads * HeadDim;

    /// <summary>The linear maps of one block: kind, outputs and inputs.</summary>
    public IReadOnlyList<(string Kind, int Outputs, int Inputs)> LinearMaps =>
    [
        ("q", QuerySize, HiddenSize), ("k", KeyValueSize, HiddenSize), ("v", KeyValueSize, HiddenSize), ("o", HiddenSize, QuerySize),
        ("gate", IntermediateSize, HiddenSize), ("up", IntermediateSize, HiddenSize), ("down", HiddenSize, IntermediateSize),
    ];

    /// <summary>Whether a kind of linear map adds a bias.</summary>
    public bool HasBias(string kind) => kind is "gate" or "up" or "down" ? MlpBias : AttentionBias;

    /// <summary>Parameters of one block: seven linears with their biases and two norms.</summary>
    public long BlockParameterCount => LinearMaps.Sum(m => (long)m.Outputs * m.Inputs + (HasBias(m.Kind) ? m.Outputs : 0)) + 2L * HiddenSize;

    /// <summary>Parameters of the whole model; a tied head is counted once.</summary>
    public long ParameterCount =>
        (TieEmbeddings ? 1L : 2L) * VocabularySize * HiddenSize + Layers * BlockParameterCount + HiddenSize;

    /// <summary>Checks every value and how they fit together.</summary>
    /// <exception cref="MokaException">A value is out of its range or does not fit another.</exception>
    public void Validate() => Validate("LLaMA config");

    /// <summary>Checks every value; <paramref name="source"/> opens the error line.</summary>
    internal void Validate(string source)
    {
        if (FirstProblem() is { } problem)
        {
            throw new MokaException($"{source}: {problem}; check that it is the config of a LLaMA model.");
        }
        if (BrokenBlock() is { } length)
        {
            throw new MokaException($"{source}: {length}; check the config, or store them in F32, F16 or BF16.");
        }
    }

    // The upper limits lie far above every published model and keep all products of sizes inside 63 bits.
    private string? FirstProblem() =>
        Range("vocab_size", VocabularySize, 1 << 24)
        ?? Range("hidden_size", HiddenSize, 1 << 20)
        ?? Range("intermediate_size", IntermediateSize, 1 << 22)
        ?? Range("num_hidden_layers", Layers, 4096)
        ?? Range("num_attention_heads", Heads, 8192)
        ?? Range("num_key_value_heads", KeyValueHeads, Heads)
        ?? Range("head_dim", HeadDim, 8192)
        ?? Range("max_position_embeddings", MaxPositions, 1 << 30)
        // 2^20 positions of heads of 128, the longest context yet published; the table of angles may grow to 4 bytes for each.
        ?? Rule((long)MaxPositions * HeadDim <= 1 << 27, $"max_position_embeddings * head_dim must be at most {1 << 27}, got {MaxPositions} * {HeadDim}")
        ?? Rule(Heads % KeyValueHeads == 0, $"num_attention_heads must be a multiple of num_key_value_heads, got {Heads} and {KeyValueHeads}")
        ?? Rule(HeadDim % 2 == 0, $"head_dim must be even for rotary positions, got {HeadDim}")
        ?? Rule(RmsNormEpsilon is > 0 and < 1, FormattableString.Invariant($"rms_norm_eps must be between 0 and 1, got {RmsNormEpsilon}"))
        ?? Rule(RopeTheta is >= 1 and <= 1e12f, FormattableString.Invariant($"rope_theta must be from 1 to 1e12, got {RopeTheta}"))
        ?? (RopeScaling?.Problem(HeadDim) is { } scaling ? $"rope_scaling: {scaling}" : null)
        ?? Token("bos_token_id", BosTokenId ?? 0)
        ?? Rule(!EosTokenIds.IsDefault && EosTokenIds.Length <= 64, "eos_token_id must be at most 64 ids, got more or none set")
        ?? EosTokenIds.Select(id => Token("eos_token_id", id)).FirstOrDefault(problem => problem is not null)
        ?? Rule(TableStorage.IsFloat() || TableStorage == WeightStorage.Other, $"the token table must be stored in F32, F16 or BF16, got {TableStorage}")
        ?? Rule(!LinearStorage.IsFloat() || TableStorage == LinearStorage || TableStorage == WeightStorage.Other, $"linears in {LinearStorage} need a token table in the same type, got {TableStorage}");

    // The rows of the linear maps have these lengths.
    private string? BrokenBlock() =>
        WholeBlocks("hidden_size", HiddenSize)
        ?? WholeBlocks("intermediate_size", IntermediateSize)
        ?? WholeBlocks("num_attention_heads * head_dim", QuerySize);

    private static string? Range(string name, int value, int max) =>
        Rule(value >= 1 && value <= max, $"{name} must be from 1 to {max}, got {value}");

    private string? Token(string name, int id) =>
        Rule(id >= 0 && id < VocabularySize, $"{name} must be an id below vocab_size {VocabularySize}, got {id}");

    private string? WholeBlocks(string name, int value) => Rule(value % LinearStorage.BlockOfRow() == 0,
        $"{name} must be a multiple of {LinearStorage.BlockOfRow()} for linears in {LinearStorage}, got {value}");

    private static string? Rule(bool holds, string problem) => holds ? null : problem;
}
