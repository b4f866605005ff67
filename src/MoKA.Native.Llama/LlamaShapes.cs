namespace MoKA.Native.Llama;

/// <summary>The sizes of known models by name; facts of their published config.json.</summary>
public static class LlamaShapes
{
    private static readonly Dictionary<string, LlamaConfig> Shapes = new()
    {
        ["stories-110m"] = Shape(vocabulary: 32000, hidden: 768, intermediate: 2048, layers: 12, heads: 12, keyValueHeads: 12, positions: 1024),
        ["tinyllama-1.1b"] = Shape(vocabulary: 32000, hidden: 2048, intermediate: 5632, layers: 22, heads: 32, keyValueHeads: 4, positions: 2048),
        ["llama-3.2-1b"] = Shape(vocabulary: 128256, hidden: 2048, intermediate: 8192, layers: 16, heads: 32, keyValueHeads: 8, positions: 8192, theta: 500000) with { TieEmbeddings = true },
        ["llama-3.2-3b"] = Shape(vocabulary: 128256, hidden: 3072, intermediate: 8192, layers: 28, heads: 24, keyValueHeads: 8, positions: 8192, theta: 500000) with { TieEmbeddings = true },
        ["llama-2-7b"] = Shape(vocabulary: 32000, hidden: 4096, intermediate: 11008, layers: 32, heads: 32, keyValueHeads: 32, positions: 4096),
        ["llama-3-8b"] = Shape(vocabulary: 128256, hidden: 4096, intermediate: 14336, layers: 32, heads: 32, keyValueHeads: 8, positions: 8192, theta: 500000),
        ["llama-2-13b"] = Shape(vocabulary: 32000, hidden: 5120, intermediate: 13824, layers: 40, heads: 40, keyValueHeads: 40, positions: 4096),
    };

    /// <summary>All names.</summary>
    public static IReadOnlyCollection<string> Names => Shapes.Keys;

    /// <summary>The sizes behind a name; the ids that open and end a text are 1 and 2, and positions are not scaled.</summary>
    /// <exception cref="KeyNotFoundException">There is no such name.</exception>
    public static LlamaConfig Find(string name) => Shapes[name];

    private static LlamaConfig Shape(int vocabulary, int hidden, int intermediate, int layers, int heads, int keyValueHeads, int positions, float theta = 10000) => new()
    {
        VocabularySize = vocabulary,
        HiddenSize = hidden,
        IntermediateSize = intermediate,
        Layers = layers,
        Heads = heads,
        KeyValueHeads = keyValueHeads,
        HeadDim = hidden / heads,
        MaxPositions = positions,
        RmsNormEpsilon = 1e-5f,
        RopeTheta = theta,
    };
}
