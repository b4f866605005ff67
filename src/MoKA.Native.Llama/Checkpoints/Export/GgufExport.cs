using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints.Export;

/// <summary>
/// A model, merged with the adapters that are on it, as one GGUF file with its tokenizer and its chat template. One matrix is in
/// memory at a time; one that is stored as asked and not adapted keeps its bits. Rows of queries and keys go into Meta's order,
/// norms and biases stay floats, and LLaMA-3.1's scaled positions become a list of divisors.
/// </summary>
public sealed class GgufExport
{
    private readonly ModelSource _source;
    private readonly LlamaModel _model;
    private readonly WeightStorage _linears, _tables;
    private readonly Tokenizer? _tokenizer;
    private readonly List<string> _notes = [];
    private readonly GgufWriter _writer = new();
    private Action<QuantizedTensor>? _report;
    private CancellationToken _cancel;

    /// <summary>Plans the file; what it cannot hold shows here, before anything is written.</summary>
    /// <param name="source">Where the model came from: its name, tokenizer and chat template.</param>
    /// <param name="model">The model, with adapters attached or without.</param>
    /// <param name="storage">How to store the linear maps: F32, F16, BF16, Q8_0 or Q4_0. The token table and the head are stored alike, but no coarser than Q8_0.</param>
    /// <param name="tokenizer">The tokenizer; the source's own unless given, none if there is none.</param>
    /// <exception cref="MokaException">The sizes do not fit the storage, or the tokenizer cannot be held.</exception>
    public GgufExport(ModelSource source, LlamaModel model, WeightStorage storage, Tokenizer? tokenizer = null)
    {
        if (storage is not (WeightStorage.F32 or WeightStorage.F16 or WeightStorage.BF16 or WeightStorage.Q8_0 or WeightStorage.Q4_0))
            throw new MokaException($"GGUF: weights are written in F32, F16, BF16, Q8_0 or Q4_0, got {storage}; choose one.");
        (_source, _model, _linears) = (source, model, storage);
        LlamaConfig config = model.Config;
        _tables = storage.IsFloat() ? storage : WeightStorage.Q8_0;
        (config with { LinearStorage = storage, TableStorage = storage.IsFloat() ? storage : WeightStorage.Other }).Validate(Quoted.Plain(source.Path));
        if (_tables != storage) _notes.Add($"the token table and the head are stored in {_tables}: errors there spread over every token");
        _tokenizer = tokenizer ?? (source.HasTokenizer ? source.LoadTokenizer() : null);
        WriteSizes(config);
        WriteTokens(config);
        WriteWeights(config);
    }

    /// <summary>What the reader of the file should know.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>How many linear maps there are, to count them.</summary>
    public int Matrices => 7 * _model.Config.Layers;

    /// <summary>How the token table and the head are stored.</summary>
    public WeightStorage TableStorage => _tables;

    /// <summary>Writes the file whole or not at all.</summary>
    /// <param name="path">A file apart from the source, as <see cref="OutputPlace"/> says.</param>
    /// <param name="report">Told of each linear map that is rounded to its storage; maps that are stored so already are copied.</param>
    /// <param name="cancel">Stops between two matrices; nothing is written.</param>
    /// <exception cref="MokaException">A weight cannot be read or does not fit its storage, or the file cannot be written.</exception>
    public void Write(string path, Action<QuantizedTensor>? report = null, CancellationToken cancel = default)
    {
        OutputPlace.RequireApart(path, _source.Path);
        (_report, _cancel) = (report, cancel);
        _writer.Save(path);
    }

    /// <summary>ggml's type of a storage.</summary>
    internal static GgmlType TypeOf(WeightStorage storage) => storage switch
    {
        WeightStorage.F16 => GgmlType.F16,
        WeightStorage.BF16 => GgmlType.BF16,
        WeightStorage.Q4_0 => GgmlType.Q4_0,
        WeightStorage.Q8_0 => GgmlType.Q8_0,
        _ => GgmlType.F32,
    };

    /// <summary>The number by which general.file_type names most of a file's weights.</summary>
    internal static uint FileTypeOf(WeightStorage storage) => storage switch
    {
        WeightStorage.F16 => 1,
        WeightStorage.Q4_0 => 2,
        WeightStorage.Q8_0 => 7,
        WeightStorage.BF16 => 32,
        _ => 0,
    };

    /// <summary>Whether the outputs of a kind of map are turned by positions, so that their order differs there.</summary>
    internal static bool IsRotary(string kind) => kind is "q" or "k";

    private void WriteSizes(LlamaConfig config)
    {
        _writer.Add(GgufNames.Architecture, GgufNames.Llama);
        _writer.Add(GgufNames.Type, "model");
        _writer.Add(GgufNames.Name, Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(_source.Path))));
        foreach ((string key, int value) in ((string, int)[])[
            (GgufNames.Positions, config.MaxPositions), (GgufNames.Hidden, config.HiddenSize), (GgufNames.Layers, config.Layers), (GgufNames.Intermediate, config.IntermediateSize),
            (GgufNames.Heads, config.Heads), (GgufNames.KeyValueHeads, config.KeyValueHeads), (GgufNames.KeyLength, config.HeadDim), (GgufNames.ValueLength, config.HeadDim),
            (GgufNames.Vocabulary, config.VocabularySize), (GgufNames.RopeWidth, config.HeadDim)]) _writer.Add(key, (uint)value);
        _writer.Add(GgufNames.Epsilon, config.RmsNormEpsilon);
        _writer.Add(GgufNames.RopeTheta, config.RopeTheta);
        if (config.RopeScaling is LinearRopeScaling linear)
        {
            _writer.Add(GgufNames.ScalingType, "linear");
            _writer.Add(GgufNames.ScalingFactor, (float)linear.Factor);
        }
        _writer.Add(GgufNames.FileType, FileTypeOf(_linears));
        if (!_linears.IsFloat()) _writer.Add(GgufNames.QuantizationVersion, 2u);
    }

    private void WriteTokens(LlamaConfig config)
    {
        if (_tokenizer is not null) GgufTokenizerWriter.Write(_writer, _tokenizer, config.VocabularySize);
        else _notes.Add("no tokenizer came with the model, and the file has none: give one, or keep it beside the file");
        GgufTokenizerWriter.WriteEnds(_writer, config, _tokenizer, _notes);
        if (_source.ChatTemplate is { } template) _writer.Add(GgufNames.ChatTemplate, template);
        if (_tokenizer is SentencePieceTokenizer { Prefix: DummyPrefix.First or DummyPrefix.UnlessSpaced })
            _notes.Add("the tokenizer puts its space before a text only, as newer files of Hugging Face do, and GGUF cannot say so: behind special tokens and before leading spaces its readers may cut text another way");
    }

    private void WriteWeights(LlamaConfig config)
    {
        Matrix(GgufNames.Embedding, _model.Embedding, _tables);
        Vector(GgufNames.FinalNorm, _model.Norm);
        if (!config.TieEmbeddings) Matrix(GgufNames.Head, _model.Head, _tables);
        if (Divisors(config) is { } divisors) _writer.Add(GgufNames.RopeDivisors, GgmlType.F32, [divisors.Length], stream => stream.WriteFloats(divisors));
        for (int layer = 0; layer < config.Layers; layer++)
        {
            foreach (string norm in (string[])["attention", "mlp"]) Vector(GgufNames.Norm(layer, norm), _model.NormOf(layer, norm));
            foreach (Projection place in _model.Blocks[layer].Projections)
            {
                int? headDim = IsRotary(place.Kind) ? config.HeadDim : null;
                Matrix(GgufNames.Weight(layer, place.Kind), place.Current, _linears, headDim, linear: true);
                if (place.Bias is { } bias) Vector(GgufNames.Bias(layer, place.Kind), bias, headDim);
            }
        }
    }

    private static float[]? Divisors(LlamaConfig config) => config.RopeScaling switch
    {
        ListedRopeScaling listed => [.. listed.Divisors],
        Llama3RopeScaling rule => [.. Enumerable.Range(0, config.HeadDim / 2).Select(pair => Math.Pow(config.RopeTheta, -2.0 * pair / config.HeadDim)).Select((frequency, pair) => (float)(frequency / rule.Scale(pair, frequency)))],
        _ => null,
    };

    private void Vector(string name, Parameter vector, int? headDim = null) => _writer.Add(name, GgmlType.F32, [vector.Shape.Count], stream => WriteRows(stream, System.Runtime.InteropServices.MemoryMarshal.AsBytes(vector.Data), vector.Shape.Count, headDim));

    private void Matrix(string name, ILinear map, WeightStorage storage, int? headDim = null, bool linear = false) => _writer.Add(name, TypeOf(storage), [map.Out, map.In], stream =>
    {
        _cancel.ThrowIfCancellationRequested();
        // Quantising what came from codes would round once more.
        if (map is FrozenLinear { Weight: BlockMatrix stored } && stored.Storage == storage)
        {
            WriteRows(stream, stored.Bytes, map.Out, headDim);
            GC.KeepAlive(stored); // its memory is native and must outlive the span
            return;
        }
        using Parameter floats = new("floats", new Shape(map.Out, map.In), trainable: false);
        map.CopyWeight(floats.Data);
        if (storage == WeightStorage.F32)
        {
            if (!System.Numerics.Tensors.TensorPrimitives.IsFiniteAll<float>(floats.Data)) throw new MokaException($"{Quoted.Plain(name)}: weights must be finite to be written, got one that is infinite or not a number.");
            for (int row = 0; row < map.Out; row++) stream.WriteFloats(floats.Data.Slice((headDim is { } width ? RotaryRows.Place(row, width) : row) * map.In, map.In));
            return;
        }
        using FrozenMatrix matrix = storage.Quantize(floats.Data, map.Out, map.In, name);
        if (linear) _report?.Invoke(ModelQuantizer.Measure(name, floats.Data, matrix));
        WriteRows(stream, ((BlockMatrix)matrix).Bytes, map.Out, headDim);
    });

    /// <summary>Writes rows of equal length, those of heads in Meta's order.</summary>
    private static void WriteRows(Stream stream, ReadOnlySpan<byte> bytes, int rows, int? headDim)
    {
        if (headDim is not { } width)
        {
            stream.Write(bytes);
            return;
        }
        int length = bytes.Length / rows;
        for (int row = 0; row < rows; row++) stream.Write(bytes.Slice(RotaryRows.Place(row, width) * length, length));
    }
}
