using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// A LLaMA in one GGUF file, each tensor in whatever type it has: F32, F16, BF16, Q4_0 to Q8_0, Q2_K to Q6_K or IQ4_NL.
/// </summary>
public static class GgufModel
{
    /// <summary>Whether a file begins as GGUF files do.</summary>
    public static bool IsGguf(string path) => ModelFolder.BeginsWith(path, "GGUF"u8);

    /// <summary>Reads the sizes and constants alone.</summary>
    /// <exception cref="MokaException">The file is missing, damaged, or describes another kind of model.</exception>
    public static LlamaConfig LoadConfig(string path)
    {
        using GgufFile file = new(path);
        return GgufConfig.Read(file);
    }

    /// <summary>
    /// Reads the model; every parameter comes back frozen. Matrices stay in the file, which is mapped into memory for as long as the
    /// model is held and read where it is used; those of queries and keys are copied, since their rows lie in another order there.
    /// </summary>
    /// <exception cref="MokaException">The file is missing, damaged, or holds another kind of model.</exception>
    public static LlamaModel LoadModel(string path)
    {
        GgufFile file = new(path);
        try
        {
            LlamaConfig config = GgufConfig.Read(file);
            GgufWeights weights = new(file, config);
            LlamaModel model = new(config, weights);
            weights.RequireAllRead();
            return model;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads what the file says about its tokenizer.</summary>
    /// <exception cref="MokaException">The file is missing or damaged, or says nothing.</exception>
    public static GgufTokenizerData LoadTokenizerData(string path)
    {
        using GgufFile file = new(path);
        return GgufTokenizerData.Read(file);
    }

    /// <summary>The bytes that the weights of the file take, for an estimate of memory without the model.</summary>
    /// <exception cref="MokaException">The file is missing or damaged.</exception>
    public static long WeightBytes(string path)
    {
        using GgufFile file = new(path);
        return file.Tensors.Values.Sum(tensor => tensor.ByteLength);
    }

    /// <summary>A hash of the file: what an adapter remembers of the base it was trained on.</summary>
    public static string Hash(string path) => FileHash.Of([path]);
}

/// <summary>Weights of one GGUF file, which must not be disposed before the model is done with.</summary>
internal sealed class GgufWeights(GgufFile file, LlamaConfig config) : ILlamaWeights
{
    private readonly HashSet<string> _read = [GgufNames.RopeDivisors];

    public ITokenTable Embedding(int vocabulary, int hidden) => Matrix(GgufNames.Embedding, vocabulary, hidden);

    public Parameter Norm(int layer, string kind, int hidden) => Vector(GgufNames.Norm(layer, kind), hidden);

    public Parameter Bias(int layer, string kind, int outputs)
    {
        Parameter bias = Vector(GgufNames.Bias(layer, kind), outputs);
        if (kind is not ("q" or "k")) return bias;
        using (bias)
        {
            Parameter ordered = new(bias.Name, bias.Shape, trainable: false);
            for (int row = 0; row < outputs; row++) ordered.Data[RotaryRows.Place(row, config.HeadDim)] = bias.Data[row];
            return ordered;
        }
    }

    public Parameter FinalNorm(int hidden) => Vector(GgufNames.FinalNorm, hidden);

    public ILinear Head(int vocabulary, int hidden) => Matrix(GgufNames.Head, vocabulary, hidden);

    public ILinear Linear(int layer, string kind, int outputs, int inputs)
    {
        string name = GgufNames.Weight(layer, kind);
        if (kind is not ("q" or "k")) return Matrix(name, outputs, inputs);
        _read.Add(name);
        return new FrozenLinear(file.ReadMatrix(name, outputs, inputs, row => RotaryRows.Place(row, config.HeadDim)));
    }

    /// <summary>Throws when the file holds a tensor that the model did not ask for.</summary>
    public void RequireAllRead()
    {
        if (file.Tensors.Keys.FirstOrDefault(name => !_read.Contains(name)) is { } name)
            throw new MokaException($"{Quoted.Plain(file.Path)}: the tensor {Quoted.Name(name)} is no part of the model that the metadata describes; only plain LLaMA models are read.");
    }

    private FrozenLinear Matrix(string name, int rows, int columns)
    {
        _read.Add(name);
        return new FrozenLinear(file.ReadMatrix(name, rows, columns));
    }

    private Parameter Vector(string name, int length)
    {
        _read.Add(name);
        Parameter parameter = new(name, new Shape(length), trainable: false);
        file.ReadVector(name, parameter.Data);
        return parameter;
    }
}
