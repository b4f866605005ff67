using System.Text.Json;
using System.Text.Json.Serialization;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Data;
using MoKA.Native.Optim;

namespace MoKA.Native.Llama.Training;

/// <summary>Everything that pre-training a small base depends on; read from JSON with comments allowed.</summary>
/// <remarks>Optional values have setters because the compiled JSON reader would overwrite the defaults of init-only ones.</remarks>
public sealed record PretrainConfig
{
    private const int LargestFile = 1 << 20;

    /// <summary>Text files of documents parted by a line of <see cref="TextFile.DocumentSeparator"/>; relative to the config.</summary>
    public required IReadOnlyList<string> Text { get; init; }

    /// <summary>A text file that is not trained on and whose loss is reported; relative to the config.</summary>
    public string? HeldOut { get; set; }

    /// <summary>The folder to write; relative to the config.</summary>
    public required string Output { get; init; }

    /// <summary>
    /// A model folder to go on from, relative to the config: its weights, sizes and tokenizer take the place of fresh
    /// ones, and the sizes below are not used.
    /// </summary>
    public string? Start { get; set; }

    /// <summary>How many pieces the tokenizer has.</summary>
    public int VocabularySize { get; set; } = 2048;

    /// <summary>Width of the residual stream.</summary>
    public int HiddenSize { get; set; } = 192;

    /// <summary>Width inside the feed-forward layers.</summary>
    public int IntermediateSize { get; set; } = 512;

    /// <summary>Number of blocks.</summary>
    public int Layers { get; set; } = 6;

    /// <summary>Number of query heads.</summary>
    public int Heads { get; set; } = 6;

    /// <summary>Number of key and value heads.</summary>
    public int KeyValueHeads { get; set; } = 2;

    /// <summary>The longest text the model can hold.</summary>
    public int MaxPositions { get; set; } = 512;

    /// <summary>Tokens that each sequence of a batch predicts.</summary>
    public int Window { get; set; } = 256;

    /// <summary>Sequences a step.</summary>
    public int BatchSize { get; set; } = 8;

    /// <summary>Steps of the optimiser.</summary>
    public long Steps { get; set; } = 1000;

    /// <summary>The highest learning rate; a cosine falls from it.</summary>
    public float LearningRate { get; set; } = 3e-3f;

    /// <summary>Decoupled decay of the matrices.</summary>
    public float WeightDecay { get; set; } = 0.1f;

    /// <summary>What weights and batches derive from.</summary>
    public ulong Seed { get; set; } = 1;

    /// <summary>Whether the linear maps are stored in 4 bits.</summary>
    public bool Int4 { get; set; } = true;

    /// <summary>Reads the file; paths inside it become absolute.</summary>
    public static PretrainConfig Read(string path)
    {
        if (!File.Exists(path)) throw new MokaException($"{path}: there is no such file; name a pre-training config in JSON.");
        try
        {
            PretrainConfig config = JsonSerializer.Deserialize(BoundedFile.ReadText(path, LargestFile), PretrainJson.Default.PretrainConfig) ?? throw new MokaException($"{path}: the config is empty.");
            string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            string Resolve(string relative) => Path.GetFullPath(Path.Combine(folder, relative));
            return config with { Text = [.. config.Text.Select(Resolve)], HeldOut = config.HeldOut is null ? null : Resolve(config.HeldOut), Start = config.Start is null ? null : Resolve(config.Start), Output = Resolve(config.Output) };
        }
        catch (JsonException damage)
        {
            throw new MokaException($"{path}: not a readable pre-training config ({damage.Message.ReplaceLineEndings(" ")}).", damage);
        }
    }

    /// <summary>The model's sizes.</summary>
    public LlamaConfig Model => new()
    {
        VocabularySize = VocabularySize,
        HiddenSize = HiddenSize,
        IntermediateSize = IntermediateSize,
        Layers = Layers,
        Heads = Heads,
        KeyValueHeads = KeyValueHeads,
        HeadDim = Heads > 0 ? HiddenSize / Heads : 0,
        MaxPositions = MaxPositions,
        RmsNormEpsilon = 1e-5f,
        TieEmbeddings = true,
    };

    /// <summary>How it is trained.</summary>
    public TrainingOptions Training => new()
    {
        Steps = Steps,
        BatchSize = BatchSize,
        PeakLearningRate = LearningRate,
        Schedule = LearningRateShape.Cosine,
        WarmUpShare = 0.02f,
        FinalShare = 0.02f,
        Seed = Seed,
        AdamW = new AdamWOptions(WeightDecay: WeightDecay),
    };
}

/// <summary>The reader that the compiler writes for <see cref="PretrainConfig"/>, free of reflection.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true)]
[JsonSerializable(typeof(PretrainConfig))]
internal sealed partial class PretrainJson : JsonSerializerContext;
