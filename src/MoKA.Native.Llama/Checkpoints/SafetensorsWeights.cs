using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>Weights read from one safetensors file in the Hugging Face layout; every one frozen.</summary>
internal sealed class SafetensorsWeights(SafetensorsFile file, bool quantized) : ILlamaWeights
{
    private readonly HashSet<string> _read = [];

    public Parameter Embedding(int vocabulary, int hidden) => Floats(HuggingFaceNames.Embedding, new Shape(vocabulary, hidden));

    public Parameter Norm(int layer, string kind, int hidden) => Floats(HuggingFaceNames.Norm(layer, kind), new Shape(hidden));

    public Parameter FinalNorm(int hidden) => Floats(HuggingFaceNames.FinalNorm, new Shape(hidden));

    public ILinear Head(int vocabulary, int hidden) => new Linear(Floats(HuggingFaceNames.Head, new Shape(vocabulary, hidden)));

    public ILinear Linear(int layer, string kind, int outputs, int inputs)
    {
        string name = HuggingFaceNames.Weight(layer, kind);
        return quantized ? new QuantizedLinear(Int4(name, outputs, inputs)) : new Linear(Floats(name, new Shape(outputs, inputs)));
    }

    /// <summary>Throws when the file holds a tensor that the model did not ask for.</summary>
    public void RequireAllRead(bool tiedHead)
    {
        foreach (string name in file.Tensors.Keys)
        {
            // Old files carry the rotary frequencies, and some a copy of the tied head; both are known and not needed.
            bool known = name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal) || (tiedHead && name == HuggingFaceNames.Head);
            if (!_read.Contains(name) && !known)
                throw new MokaException($"{file.Path}: the tensor '{name}' is no part of the model that config.json describes; check that both files belong together.");
        }
    }

    private Parameter Floats(string name, Shape shape)
    {
        TensorEntry entry = Require(name, shape.Rank == 1 ? [shape[0]] : [shape[0], shape[1]]);
        if (entry.Type is not (ElementType.F32 or ElementType.F16 or ElementType.BF16))
            throw new MokaException($"{file.Path}: '{name}' must be F32, F16 or BF16, got {entry.Type.FileName()}.");
        Parameter parameter = new(name, shape, trainable: false);
        file.ReadFloats(name, parameter.Data);
        return parameter;
    }

    private Int4Matrix Int4(string name, int outputs, int inputs)
    {
        TensorEntry codes = Require(name, [outputs, inputs / 2]);
        TensorEntry scales = Require(name + HuggingFaceNames.ScalesSuffix, [outputs, inputs / Int4Matrix.BlockSize]);
        if (codes.Type != ElementType.U8 || scales.Type != ElementType.F16)
            throw new MokaException($"{file.Path}: '{name}' must be 4-bit codes in U8 with F16 scales, got {codes.Type.FileName()} and {scales.Type.FileName()}.");
        Int4Matrix matrix = new(outputs, inputs);
        file.Bytes(name).CopyTo(matrix.Codes);
        file.ReadFloats(scales.Name, matrix.Scales);
        foreach (float scale in matrix.Scales)
            if (!float.IsFinite(scale)) throw new MokaException($"{file.Path}: '{scales.Name}' must hold finite numbers, got {scale}; the file is damaged.");
        return matrix;
    }

    private TensorEntry Require(string name, long[] dims)
    {
        if (!file.Tensors.TryGetValue(name, out TensorEntry? entry))
            throw new MokaException($"{file.Path}: the tensor '{name}' is missing; check that the file belongs to the config.json beside it.");
        if (!entry.Dims.AsSpan().SequenceEqual(dims))
            throw new MokaException($"{file.Path}: '{name}' must be [{string.Join(", ", dims)}] by config.json, got [{string.Join(", ", entry.Dims)}].");
        _read.Add(name);
        return entry;
    }
}
