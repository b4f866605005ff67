using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>Weights read from one safetensors file in the Hugging Face layout; every one frozen.</summary>
internal sealed class SafetensorsWeights(SafetensorsFile file, bool quantized) : ILlamaWeights
{
    private readonly HashSet<string> _read = [];

    public Parameter Embedding(int vocabulary, int hidden) => Floats(HuggingFaceNames.Embedding, vocabulary, hidden);

    public Parameter Norm(int layer, string kind, int hidden) => Floats(HuggingFaceNames.Norm(layer, kind), hidden);

    public Parameter FinalNorm(int hidden) => Floats(HuggingFaceNames.FinalNorm, hidden);

    public ILinear Head(int vocabulary, int hidden) => new Linear(Floats(HuggingFaceNames.Head, vocabulary, hidden));

    public ILinear Linear(int layer, string kind, int outputs, int inputs)
    {
        string name = HuggingFaceNames.Weight(layer, kind);
        return quantized ? new QuantizedLinear(Int4(name, outputs, inputs)) : new Linear(Floats(name, outputs, inputs));
    }

    /// <summary>Throws when the file holds a tensor that the model did not ask for.</summary>
    public void RequireAllRead(bool tiedHead)
    {
        foreach (string name in file.Tensors.Keys)
        {
            // Old files carry the rotary frequencies, and some a copy of the tied head; both are known and not needed.
            bool known = name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal) || (tiedHead && name == HuggingFaceNames.Head);
            if (!_read.Contains(name) && !known)
                throw new MokaException($"{file.Path}: the tensor {Quoted.Name(name)} is no part of the model that config.json describes; check that both files belong together.");
        }
    }

    private Parameter Floats(string name, params ReadOnlySpan<int> dims)
    {
        TensorEntry entry = dims.Length == 1 ? Require(name, dims[0]) : Require(name, dims[0], dims[1]);
        if (entry.Type is not (ElementType.F32 or ElementType.F16 or ElementType.BF16))
            throw new MokaException($"{file.Path}: '{name}' must be F32, F16 or BF16, got {entry.Type.FileName()}.");
        if (entry.ElementCount > int.MaxValue)
            throw new MokaException($"{file.Path}: '{name}' must have at most {int.MaxValue} elements, got {Quoted.Dims(entry.Dims.AsSpan())}; the model is too large for this engine.");
        Parameter parameter = new(name, dims.Length == 1 ? new Shape(dims[0]) : new Shape(dims[0], dims[1]), trainable: false);
        ModelFolder.ReadFinite(file, name, parameter.Data);
        return parameter;
    }

    private Int4Matrix Int4(string name, int outputs, int inputs)
    {
        TensorEntry codes = Require(name, outputs, inputs / 2);
        TensorEntry scales = Require(name + HuggingFaceNames.ScalesSuffix, outputs, inputs / Int4Matrix.BlockSize);
        if (codes.Type != ElementType.U8 || scales.Type != ElementType.F16)
            throw new MokaException($"{file.Path}: '{name}' must be 4-bit codes in U8 with F16 scales, got {codes.Type.FileName()} and {scales.Type.FileName()}.");
        Int4Matrix matrix = new(outputs, inputs);
        file.Bytes(name).CopyTo(matrix.Codes);
        ModelFolder.ReadFinite(file, scales.Name, matrix.Scales);
        return matrix;
    }

    private TensorEntry Require(string name, params ReadOnlySpan<long> dims)
    {
        if (!file.Tensors.TryGetValue(name, out TensorEntry? entry))
            throw new MokaException($"{file.Path}: the tensor '{name}' is missing; check that the file belongs to the config.json beside it.");
        if (!entry.Dims.AsSpan().SequenceEqual(dims))
            throw new MokaException($"{file.Path}: '{name}' must be {Quoted.Dims(dims)} by config.json, got {Quoted.Dims(entry.Dims.AsSpan())}; check that both files belong together.");
        _read.Add(name);
        return entry;
    }
}
