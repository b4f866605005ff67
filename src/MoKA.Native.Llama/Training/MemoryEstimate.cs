using MoKA.Native.Adapters;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Training;

/// <summary>
/// The memory of a run, from the model's sizes alone; the process itself takes some 60 MB more. Let T be the tokens that
/// go through the model at once, R the rows that get logits, and for every layer
/// <code>
/// per token = norms 4 + linear maps Σ out + attention q + 2 heads
///           + what adapters keep: in for each adapted map when there is dropout, 2 r for a low-rank pair
///             (a change is added to its map's output in place)
/// </code>
/// Training keeps 4 bytes × (T (hidden + Σ per token) + T hidden + 2 R hidden + logits of at most 1024 of the R rows), and
/// on the way back, where a gradient's memory is used again, those of one layer, and its
/// normalised inputs and gated product, which are not kept: 4 intermediate + 7 hidden a token. A
/// mixture of P numbers takes 2 P and P for each block of tokens, one map at a time. Recomputing blocks keeps their
/// outputs and one layer. Without gradients one layer and those are kept.
/// </summary>
public sealed record MemoryEstimate
{
    private const int LogitsAtOnce = 1 << 25, MostRowsOfLogits = 1024;
    private const int TrainedCopies = 4; // a value, its gradient, and the optimiser's two moments

    /// <summary>The base: the bytes of its weights, counted or by the bits a weight that its storage takes, and the rotary table as far as it is used.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>The adapters, their gradients and the optimiser's moments.</summary>
    public long AdapterBytes { get; init; }

    /// <summary>What one pass keeps, gradients included when training.</summary>
    public required long ActivationBytes { get; init; }

    /// <summary>Keys and values of a text while it is continued.</summary>
    public long CacheBytes { get; init; }

    /// <summary>All of it.</summary>
    public long TotalBytes => WeightBytes + AdapterBytes + ActivationBytes + CacheBytes;

    /// <summary>Training adapters on a frozen base.</summary>
    /// <param name="config">The base.</param>
    /// <param name="targets">Which maps are adapted.</param>
    /// <param name="options">How.</param>
    /// <param name="tokens">T, the tokens of a step: batch size times mean length.</param>
    /// <param name="targetRows">R, the tokens of a step whose prediction counts.</param>
    /// <param name="recompute">Whether blocks are computed again on the way back.</param>
    /// <param name="weightBytes">What the weights take, <see cref="LlamaModel.WeightBytes"/>; needed where the config says <see cref="WeightStorage.Other"/>.</param>
    public static MemoryEstimate ForTraining(LlamaConfig config, AdapterTargets targets, AdapterOptions options, double tokens, double targetRows, bool recompute = false, long? weightBytes = null)
    {
        AdapterNeeds needs = default;
        foreach ((string kind, int outputs, int inputs) in config.LinearMaps.Where(m => targets.Contains(m.Kind)))
        {
            AdapterOptions own = options.For(kind);
            needs = needs.With(own, outputs, inputs, tokens, config.Layers * own.ParametersFor(outputs, inputs), layers: 1);
        }
        return ForTraining(config, needs, tokens, targetRows, recompute, weightBytes);
    }

    /// <summary>The same for adapters that are there already.</summary>
    /// <param name="config">The base.</param>
    /// <param name="adapters">The adapters.</param>
    /// <param name="tokens">T, the tokens of a step: batch size times mean length.</param>
    /// <param name="targetRows">R, the tokens of a step whose prediction counts.</param>
    /// <param name="recompute">Whether blocks are computed again on the way back.</param>
    /// <param name="weightBytes">What the weights take, as above.</param>
    public static MemoryEstimate ForTraining(LlamaConfig config, AdapterSet adapters, double tokens, double targetRows, bool recompute = false, long? weightBytes = null)
    {
        AdapterNeeds needs = default;
        foreach ((_, Adapter adapter) in adapters.Entries) needs = needs.With(adapter.Options, adapter.Out, adapter.In, tokens, adapter.ParameterCount, config.Layers);
        return ForTraining(config, needs, tokens, targetRows, recompute, weightBytes);
    }

    private static MemoryEstimate ForTraining(LlamaConfig config, AdapterNeeds needs, double tokens, double targetRows, bool recompute, long? weightBytes)
    {
        double layer = PerLayer(config) + needs.Beside, gradients = 4.0 * config.IntermediateSize + 7.0 * config.HiddenSize + needs.Beside;
        double kept = 2 * config.HiddenSize + config.Layers * (recompute ? config.HiddenSize : layer);
        double logits = Math.Min(targetRows, Math.Clamp((double)LogitsAtOnce / config.VocabularySize, 64, MostRowsOfLogits)) * (config.VocabularySize + 2.0 * config.HiddenSize);
        // The logits and a block that is computed again use the same memory.
        double apart = recompute ? Math.Max(logits, tokens * (layer + gradients)) : logits + tokens * gradients;
        return new MemoryEstimate
        {
            WeightBytes = Weights(config, tokens, weightBytes),
            AdapterBytes = Bytes(TrainedCopies * needs.Numbers),
            ActivationBytes = Bytes(tokens * kept + 2 * targetRows * config.HiddenSize + apart + needs.Workspace),
        };
    }

    /// <summary>Continuing a text up to <paramref name="length"/> tokens, all of which may be the prompt; the weights' bytes as above.</summary>
    public static MemoryEstimate ForGeneration(LlamaConfig config, int length, long? weightBytes = null) => new()
    {
        WeightBytes = Weights(config, length, weightBytes),
        ActivationBytes = Bytes(length * (PerLayer(config) + config.IntermediateSize + (config.Layers + 4.0) * config.HiddenSize) + config.VocabularySize),
        CacheBytes = Bytes(2.0 * config.Layers * config.KeyValueSize * length),
    };

    private static double PerLayer(LlamaConfig c) =>
        4.0 + c.LinearMaps.Sum(m => (double)m.Outputs) + c.QuerySize + 2.0 * c.Heads;

    private static long Weights(LlamaConfig c, double longest, long? counted)
    {
        double rotary = Math.Min(c.MaxPositions, longest) * c.HeadDim;
        if (counted is { } bytes) return bytes + Bytes(rotary);
        double maps = c.Layers * c.LinearMaps.Sum(m => (double)m.Outputs * m.Inputs), tables = (c.TieEmbeddings ? 1.0 : 2.0) * c.VocabularySize * c.HiddenSize;
        double norms = c.ParameterCount - maps - tables;
        return (long)((maps * c.LinearStorage.BitsPerWeight() + tables * c.TableStorage.BitsPerWeight()) / 8) + Bytes(norms + rotary);
    }

    private static long Bytes(double floats) => (long)(floats * sizeof(float));

    /// <summary>What adapters add: floats a token and layer, trained numbers, and the largest workspace of one map.</summary>
    private readonly record struct AdapterNeeds(double Beside, double Numbers, double Workspace)
    {
        /// <summary>These and an adapter's, which stands in one of so many layers.</summary>
        public AdapterNeeds With(AdapterOptions options, int outputs, int inputs, double tokens, double numbers, int layers) =>
            new(Beside + options.KeptPerToken(outputs, inputs) / layers, Numbers + numbers, Math.Max(Workspace, options.WorkspaceFor(outputs, inputs, tokens)));
    }
}
