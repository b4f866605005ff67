using MoKA.Native.Adapters;

namespace MoKA.Native.Llama.Training;

/// <summary>
/// The memory of a run, from the model's sizes alone; the process itself takes some 60 MB more. Let T be the tokens that
/// go through the model at once, R the rows that get logits, and for every layer
/// <code>
/// per token = norms 2 (hidden + 1) + linear maps Σ out + rotated q and k + attention q + 2 heads + swiglu + two sums
///           + in for each adapted map when there is dropout (a mixture is added to its map's output in place)
/// </code>
/// Forward: 4 bytes × (T (hidden + Σ per token) + T hidden + R (hidden + vocabulary)). Training keeps a gradient for each of
/// these, and for each adapter of P numbers its filters laid together (3 P) and P for every 64 tokens.
/// </summary>
public sealed record MemoryEstimate
{
    private const int TokensPerPartialSum = 64;
    private const int TrainedCopies = 4; // a value, its gradient, and the optimiser's two moments

    /// <summary>The base: 5 bits a weight of an int4 map, 32 of all others, and the rotary table.</summary>
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
    public static MemoryEstimate ForTraining(LlamaConfig config, AdapterTargets targets, MokaOptions options, double tokens, double targetRows)
    {
        double adapted = 0, filterNumbers = 0, gates = 0;
        foreach ((string kind, int outputs, int inputs) in Maps(config).Where(m => targets.Contains(m.Kind)))
        {
            adapted += options.Dropout > 0 ? inputs : 0;
            IReadOnlyList<KroneckerShape> shapes = options.ShapesFor(outputs, inputs);
            filterNumbers += config.Layers * (double)shapes.Sum(s => s.Parameters);
            gates += options.Gated ? config.Layers * shapes.Count : 0;
        }
        double forward = Forward(config, adapted, tokens, targetRows);
        double workspace = filterNumbers * (3 + Math.Ceiling(tokens / TokensPerPartialSum));
        return new MemoryEstimate
        {
            WeightBytes = Weights(config),
            AdapterBytes = Bytes(TrainedCopies * (filterNumbers + gates)),
            ActivationBytes = Bytes(2 * forward + workspace),
        };
    }

    /// <summary>Continuing a text up to <paramref name="length"/> tokens, all of which may be the prompt.</summary>
    public static MemoryEstimate ForGeneration(LlamaConfig config, int length) => new()
    {
        WeightBytes = Weights(config),
        ActivationBytes = Bytes(Forward(config, 0, length, 1)),
        CacheBytes = Bytes(2.0 * config.Layers * config.KeyValueSize * length),
    };

    private static double Forward(LlamaConfig c, double adaptedPerLayer, double tokens, double rows)
    {
        double maps = Maps(c).Sum(m => (double)m.Outputs);
        double layer = 2.0 * (c.HiddenSize + 1) + maps + c.QuerySize + c.KeyValueSize + c.QuerySize + 2.0 * c.Heads + c.IntermediateSize + 2.0 * c.HiddenSize + adaptedPerLayer;
        return tokens * (2.0 * c.HiddenSize + c.Layers * layer) + rows * ((double)c.HiddenSize + c.VocabularySize);
    }

    private static long Weights(LlamaConfig c)
    {
        double maps = c.Layers * Maps(c).Sum(m => (double)m.Outputs * m.Inputs), others = c.ParameterCount - maps;
        // An int4 block of 32 takes 16 bytes of codes and a scale that is a float in memory.
        double bitsPerMap = c.Quantization is null ? 32 : 5;
        return (long)(maps * bitsPerMap / 8) + Bytes(others + (double)c.MaxPositions * c.HeadDim);
    }

    private static IEnumerable<(string Kind, int Outputs, int Inputs)> Maps(LlamaConfig c) =>
    [
        ("q", c.QuerySize, c.HiddenSize), ("k", c.KeyValueSize, c.HiddenSize), ("v", c.KeyValueSize, c.HiddenSize), ("o", c.HiddenSize, c.QuerySize),
        ("gate", c.IntermediateSize, c.HiddenSize), ("up", c.IntermediateSize, c.HiddenSize), ("down", c.HiddenSize, c.IntermediateSize),
    ];

    private static long Bytes(double floats) => (long)(floats * sizeof(float));
}
