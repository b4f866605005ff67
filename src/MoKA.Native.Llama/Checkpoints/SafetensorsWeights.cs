using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// Weights of one or several safetensors files in the Hugging Face layout; every one frozen. Norms and biases are copied; matrices
/// stay in the mapped files, which must not be disposed before the model is done with.
/// </summary>
internal sealed class SafetensorsWeights(SafetensorsReader file, LlamaConfig config) : ILlamaWeights
{
    private readonly HashSet<string> _read = [];

    public ITokenTable Embedding(int vocabulary, int hidden) => Table(HuggingFaceNames.Embedding, vocabulary, hidden);

    public Parameter Norm(int layer, string kind, int hidden) => Floats(HuggingFaceNames.Norm(layer, kind), hidden);

    public Parameter Bias(int layer, string kind, int outputs) => Floats(HuggingFaceNames.Bias(layer, kind), outputs);

    public Parameter FinalNorm(int hidden) => Floats(HuggingFaceNames.FinalNorm, hidden);

    public ILinear Head(int vocabulary, int hidden) => Table(HuggingFaceNames.Head, vocabulary, hidden);

    public ILinear Linear(int layer, string kind, int outputs, int inputs) => Matrix(HuggingFaceNames.Weight(layer, kind), outputs, inputs);

    /// <summary>Throws when the file holds a tensor that the model did not ask for.</summary>
    public void RequireAllRead()
    {
        foreach (string name in file.Tensors.Keys)
        {
            // Old files carry the rotary frequencies, and some a copy of the tied head; both are known and not needed.
            bool known = name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal) || (config.TieEmbeddings && name == HuggingFaceNames.Head);
            if (!_read.Contains(name) && !known)
                throw new MokaException($"{file.PathOf(name)}: the tensor {Quoted.Name(name)} is no part of the model that config.json describes; check that both files belong together.");
        }
    }

    /// <summary>A matrix in whatever storage it has.</summary>
    private ITokenTable Matrix(string name, int rows, int columns)
    {
        if (BitsAndBytes.Has(file, name)) return new FrozenLinear(BitsAndBytes.Read(file, name, rows, columns, _read));
        return config.LinearStorage switch
        {
            WeightStorage.Q4_0 => Blocks(name, BlockType.Q4_0, rows, columns),
            WeightStorage.Q8_0 => Blocks(name, BlockType.Q8_0, rows, columns),
            _ => Table(name, rows, columns),
        };
    }

    /// <summary>A matrix in a floating-point type.</summary>
    private ITokenTable Table(string name, int rows, int columns) => Require(name, rows, columns).Type switch
    {
        ElementType.F16 => Blocks(name, BlockType.F16, rows, columns),
        ElementType.BF16 => Blocks(name, BlockType.BF16, rows, columns),
        ElementType.F32 => new FrozenLinear(file.ReadFloatMatrix(name, rows, columns)),
        _ => throw NotFloat(name),
    };

    private FrozenLinear Blocks(string name, BlockType type, int rows, int columns)
    {
        if (!file.Tensors.ContainsKey(name)) throw Missing(name);
        _read.Add(name);
        return new FrozenLinear(file.ReadBlocks(name, type, rows, columns));
    }

    /// <summary>A vector as floats, copied.</summary>
    private Parameter Floats(string name, int length)
    {
        if (Require(name, length).Type is not (ElementType.F32 or ElementType.F16 or ElementType.BF16)) throw NotFloat(name);
        Parameter parameter = new(name, new Shape(length), trainable: false);
        ModelFolder.ReadFinite(file, name, parameter.Data);
        return parameter;
    }

    private TensorEntry Require(string name, params ReadOnlySpan<long> dims)
    {
        if (!file.Tensors.TryGetValue(name, out TensorEntry? entry)) throw Missing(name);
        if (!entry.Dims.AsSpan().SequenceEqual(dims))
            throw new MokaException($"{Label(name)} must be {Quoted.Dims(dims)} by config.json, got {Quoted.Dims(entry.Dims.AsSpan())}; check that both files belong together.");
        _read.Add(name);
        return entry;
    }

    private MokaException NotFloat(string name) => new($"{Label(name)} must be F32, F16 or BF16, got {file.Tensors[name].Type.FileName()}.");

    private MokaException Missing(string name) => new($"{file.Path}: the tensor '{name}' is missing; check that the file belongs to the config.json beside it.");

    private string Label(string name) => $"{file.PathOf(name)}: '{name}'";
}
