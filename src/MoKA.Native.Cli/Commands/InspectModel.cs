using MoKA.Native.Adapters;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Chat;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Llama.Training;
using MoKA.Native.Quantization;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary>The inside of a model of any format, its memory included; the weights are not loaded.</summary>
internal static class InspectModel
{
    public static Inspection Of(ModelSource source, bool tensors, int length, int batch)
    {
        LlamaConfig c = source.Config;
        Tokenizer? tokenizer = source.HasTokenizer ? source.LoadTokenizer() : null;
        string? template = source.ChatTemplate;
        StoredTensor[] stored = [.. source.Tensors()];
        int fits = Math.Min(length, c.MaxPositions);
        double tokens = (double)batch * fits;
        MemoryEstimate generate = MemoryEstimate.ForGeneration(c, fits, source.WeightBytes);
        MemoryEstimate train = MemoryEstimate.ForTraining(c, AdapterTargets.Parse(AdapterTargets.Everything), new MokaOptions(), tokens, tokens / 4, weightBytes: source.WeightBytes);
        Fact[] facts =
        [
            new("kind", Directory.Exists(source.Path) ? "model folder" : "model file"),
            new("format", source.Format),
            new("path", source.Path),
            new("shape", TrainPanel.Model(c)),
            new("layers", "", c.Layers),
            new("hidden", "", c.HiddenSize),
            new("intermediate", "", c.IntermediateSize),
            new("heads", "", c.Heads),
            new("key value heads", "", c.KeyValueHeads),
            new("head dim", "", c.HeadDim),
            new("vocabulary", "", c.VocabularySize),
            new("positions", "", c.MaxPositions),
            new("parameters", Count(c.ParameterCount), c.ParameterCount),
            new("storage", Storage(c, stored), c.LinearStorage.ToString()),
            new("size", source.WeightFiles.Count == 1 ? Bytes(source.WeightBytes) : $"{Bytes(source.WeightBytes)} in {source.WeightFiles.Count} files", source.WeightBytes),
            new("tied head", c.TieEmbeddings ? "yes" : "no", c.TieEmbeddings),
            new("biases", Biases(c), new Fact[] { new("attention", "", c.AttentionBias), new("mlp", "", c.MlpBias) }),
            new("rope theta", Number(c.RopeTheta), c.RopeTheta),
            new("rope scaling", Scaling(c.RopeScaling)),
            new("bos token", Token(tokenizer, c.BosTokenId), c.BosTokenId ?? -1),
            new("eos tokens", string.Join(", ", c.EosTokenIds.Select(id => Token(tokenizer, id))), c.EosTokenIds.AsEnumerable()),
            new("tokenizer", tokenizer is null ? "none; give one with --tokenizer" : $"{Count(tokenizer.VocabularySize)} pieces", tokenizer?.VocabularySize ?? 0),
            new("chat template", template is null ? "none" : $"{ChatTemplate.Recognise(template)?.Name ?? "of a kind that is not known"}", template ?? ""),
            new("sha256", source.Hash()),
            new("generate memory", $"about {Bytes(generate.TotalBytes)} for {fits} tokens, {Bytes(generate.CacheBytes)} of it keys and values", generate.TotalBytes),
            new("train memory", $"{TrainPanel.Memory(train)}, for {batch} examples of {fits} tokens with MoKA on all maps", train.TotalBytes),
            new("tensors", Count(stored.Length), stored.Length),
        ];
        Inspection inspection = new("model", facts);
        return tensors ? TensorList.With(inspection, stored) : inspection;
    }

    // What the file says of each tensor, since one model may mix many types.
    private static string Storage(LlamaConfig c, StoredTensor[] stored)
    {
        string types = string.Join(", ", stored.GroupBy(t => t.Type).OrderByDescending(g => g.Sum(t => t.Bytes)).Select(g => $"{g.Key} {Bytes(g.Sum(t => t.Bytes))}"));
        string maps = c.LinearStorage == WeightStorage.Other ? Name(c.LinearStorage) : Invariant($"{c.LinearStorage}, {c.LinearStorage.BitsPerWeight():0.###} bits a weight");
        return $"linear maps {maps}; token table and head {Name(c.TableStorage)}; in the file {types}";
    }

    /// <summary>A storage as people read it.</summary>
    public static string Name(WeightStorage storage) => storage == WeightStorage.Other ? "of several types" : storage.ToString();

    private static string Biases(LlamaConfig c) => (c.AttentionBias, c.MlpBias) switch
    {
        (false, false) => "none",
        (true, false) => "attention",
        (false, true) => "feed-forward",
        _ => "attention and feed-forward",
    };

    private static string Scaling(RopeScaling? scaling) => scaling switch
    {
        null => "none",
        LinearRopeScaling linear => $"linear, {Number(linear.Factor)} times the positions",
        Llama3RopeScaling llama3 => $"llama3, factor {Number(llama3.Factor)} from {Count(llama3.OriginalPositions)} positions, low {Number(llama3.LowFrequencyFactor)}, high {Number(llama3.HighFrequencyFactor)}",
        _ => "listed for each pair",
    };

    private static string Token(Tokenizer? tokenizer, int? id) => id is { } token && tokenizer is not null && token < tokenizer.VocabularySize ? $"{token} {Quoted.Plain(tokenizer.Piece(token))}" : id?.ToString() ?? "none";
}
