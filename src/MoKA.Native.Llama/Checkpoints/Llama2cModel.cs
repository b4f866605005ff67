using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// A LLaMA in one file of llama2.c: version 0 or 1 in floats, version 2 in bytes with a scale for each group. Such files say nothing
/// of ids that open and end a text, which are 1 and 2 there.
/// </summary>
public static class Llama2cModel
{
    /// <summary>Reads the sizes and constants alone.</summary>
    /// <exception cref="MokaException">The file is missing, damaged, or of another format.</exception>
    public static LlamaConfig LoadConfig(string path)
    {
        using RawFile file = new(path);
        return new Llama2cLayout(path, file.Buffer).Config;
    }

    /// <summary>
    /// Reads the model; every parameter comes back frozen. Matrices stay in the file, which is mapped into memory for as long as the
    /// model is held and read where it is used; those of queries and keys are copied, since their rows lie in another order there.
    /// </summary>
    /// <exception cref="MokaException">The file is missing, damaged, or of another format.</exception>
    public static LlamaModel LoadModel(string path)
    {
        RawFile file = new(path);
        try
        {
            Llama2cLayout layout = new(path, file.Buffer);
            return new LlamaModel(layout.Config, new Llama2cWeights(file, layout));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The version of the format: 0, 1 or 2.</summary>
    /// <exception cref="MokaException">The file is missing, damaged, or of another format.</exception>
    public static int Version(string path)
    {
        using RawFile file = new(path);
        return new Llama2cLayout(path, file.Buffer).Version;
    }

    /// <summary>Every tensor of the file, in its order.</summary>
    /// <exception cref="MokaException">The file is missing, damaged, or of another format.</exception>
    public static IReadOnlyList<StoredTensor> Tensors(string path)
    {
        using RawFile file = new(path);
        return [.. new Llama2cLayout(path, file.Buffer).Tensors];
    }

    /// <summary>The bytes that the weights of the file take, for an estimate of memory without the model.</summary>
    /// <exception cref="MokaException">The file is missing, damaged, or of another format.</exception>
    public static long WeightBytes(string path)
    {
        using RawFile file = new(path);
        return new Llama2cLayout(path, file.Buffer).WeightBytes;
    }

    /// <summary>A hash of the file: what an adapter remembers of the base it was trained on.</summary>
    public static string Hash(string path) => FileHash.Of([path]);
}

/// <summary>Weights of one llama2.c file, which must not be disposed before the model is done with.</summary>
internal sealed class Llama2cWeights(RawFile file, Llama2cLayout layout) : ILlamaWeights
{
    public ITokenTable Embedding(int vocabulary, int hidden) => Matrix(Llama2cLayout.Names.Table, layout.Embedding, vocabulary, hidden);

    public Parameter Norm(int layer, string kind, int hidden) => Vector($"{kind} norm of layer {layer}", layout.NormOffset(layer, kind), hidden);

    public Parameter Bias(int layer, string kind, int outputs) => throw new NotSupportedException("Llama2cWeights: the format has no biases.");

    public Parameter FinalNorm(int hidden) => Vector(Llama2cLayout.Names.LastNorm, layout.FinalNormOffset, hidden);

    public ILinear Head(int vocabulary, int hidden) => Matrix(Llama2cLayout.Names.Head, layout.Head, vocabulary, hidden);

    public ILinear Linear(int layer, string kind, int outputs, int inputs) =>
        Matrix($"{Llama2cLayout.NameOf(kind)} of layer {layer}", layout.Linear(layer, kind), outputs, inputs, kind is "q" or "k" ? row => RotaryRows.Place(row, layout.Config.HeadDim) : null);

    private FrozenLinear Matrix(string name, Llama2cPlace place, int rows, int columns, Func<int, int>? order = null) => new(layout.Version < 2
        ? file.ReadFloats(Label(name), place.Values, rows, columns, order)
        : file.ReadGroupedInt8(Label(name), place.Values, place.Scales, rows, columns, layout.GroupSize, order));

    private Parameter Vector(string name, long offset, int length)
    {
        Parameter parameter = new(name, new Shape(length), trainable: false);
        using FloatMatrix floats = file.ReadFloats(Label(name), offset, 1, length);
        floats.Dequantize(parameter.Data);
        return parameter;
    }

    private string Label(string name) => $"{Quoted.Plain(file.Path)}: '{name}'";
}
