using System.Runtime.InteropServices;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// A model on disk: a folder with <c>config.json</c>, <c>model.safetensors</c> and <c>tokenizer.json</c> in the layout
/// and spelling of Hugging Face. 4-bit linears are stored as U8 codes [out, in / 2] and F16 scales [out, in / 32].
/// </summary>
public static class LlamaFolder
{
    /// <summary>The sizes and constants.</summary>
    public const string ConfigFile = "config.json";

    /// <summary>The weights.</summary>
    public const string WeightsFile = "model.safetensors";

    /// <summary>Reads the sizes and constants alone.</summary>
    /// <exception cref="MokaException">The file is missing, damaged, or describes another kind of model.</exception>
    public static LlamaConfig LoadConfig(string folder) => ConfigJson.Read(Require(folder, ConfigFile));

    /// <summary>Reads the model; every parameter comes back frozen.</summary>
    /// <exception cref="MokaException">A file is missing, damaged, or does not fit the others.</exception>
    public static LlamaModel LoadModel(string folder)
    {
        LlamaConfig config = LoadConfig(folder);
        using SafetensorsFile file = new(Require(folder, WeightsFile));
        SafetensorsWeights weights = new(file, config.Quantization is not null);
        LlamaModel model = new(config, weights);
        weights.RequireAllRead(config.TieEmbeddings);
        return model;
    }

    /// <summary>Reads the tokenizer and checks that its ids fit the model.</summary>
    public static Tokenizer LoadTokenizer(string folder, LlamaConfig config) => LoadTokenizerFile(Require(folder, TokenizerJson.FileName), config);

    /// <summary>Reads a tokenizer that lies elsewhere and checks that its ids fit the model.</summary>
    public static Tokenizer LoadTokenizerFile(string path, LlamaConfig config)
    {
        Tokenizer tokenizer = TokenizerJson.Load(path);
        if (tokenizer.VocabularySize > config.VocabularySize)
            throw new MokaException($"{path}: the tokenizer has {tokenizer.VocabularySize} ids but the model only {config.VocabularySize}; use the tokenizer that belongs to the model.");
        return tokenizer;
    }

    /// <summary>A hash of the weights file: what an adapter remembers of the base it was trained on.</summary>
    public static string Hash(string folder)
    {
        string path = Require(folder, WeightsFile);
        try
        {
            using FileStream stream = File.OpenRead(path);
            return Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(stream));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MokaException($"{path}: cannot be read ({Quoted.Plain(e.Message)}); check that the file may be read.", e);
        }
    }

    /// <summary>
    /// Writes model and tokenizer, linears in 4 bits when asked, the token table, norms and head in half precision or,
    /// for an exact copy, in float.
    /// </summary>
    public static void Save(string folder, LlamaModel model, Tokenizer tokenizer, bool int4, bool halfPrecision)
    {
        ModelFolder.Create(folder);
        SafetensorsWriter writer = new();
        LlamaConfig config = model.Config;
        AddFloats(writer, HuggingFaceNames.Embedding, model.Embedding, halfPrecision);
        AddFloats(writer, HuggingFaceNames.FinalNorm, model.Norm, halfPrecision: false);
        if (model.Head is Linear head && !config.TieEmbeddings) AddFloats(writer, HuggingFaceNames.Head, head.Weight, halfPrecision);
        for (int layer = 0; layer < config.Layers; layer++)
        {
            LlamaBlock block = model.Blocks[layer];
            AddFloats(writer, HuggingFaceNames.Norm(layer, "attention"), block.AttentionNorm, halfPrecision: false);
            AddFloats(writer, HuggingFaceNames.Norm(layer, "mlp"), block.MlpNorm, halfPrecision: false);
            foreach (Projection projection in block.Projections) AddLinear(writer, HuggingFaceNames.Weight(layer, projection.Kind), projection, int4, halfPrecision);
        }
        writer.Save(Path.Combine(folder, WeightsFile), new Dictionary<string, string> { ["format"] = "pt" });
        TokenizerJson.Save(tokenizer, folder);
        ConfigJson.Write(Path.Combine(folder, ConfigFile), config with { Quantization = int4 ? LlamaConfig.Int4 : null });
    }

    private static void AddLinear(SafetensorsWriter writer, string name, Projection projection, bool int4, bool halfPrecision)
    {
        if (!int4)
        {
            AddFloats(writer, name, Dense(name, projection), halfPrecision);
            return;
        }
        // Quantising is idempotent on a matrix that came from 4 bits only up to rounding, so such a one keeps its codes.
        Int4Matrix matrix = projection.Current is QuantizedLinear quantized ? quantized.Weight : Quantize(name, projection);
        writer.Add(name, ElementType.U8, [projection.Out, projection.In / 2], stream => stream.Write(matrix.Codes));
        writer.Add(name + HuggingFaceNames.ScalesSuffix, ElementType.F16, [projection.Out, projection.In / Int4Matrix.BlockSize], stream => WriteHalves(stream, name, matrix.Scales));
    }

    private static Int4Matrix Quantize(string name, Projection projection)
    {
        using Parameter weight = Dense(name, projection);
        return Int4Matrix.Quantize(weight.Data, projection.Out, projection.In);
    }

    private static Parameter Dense(string name, Projection projection)
    {
        Parameter weight = new(name, new Shape(projection.Out, projection.In), trainable: false);
        projection.CopyWeight(weight.Data);
        return weight;
    }

    private static void AddFloats(SafetensorsWriter writer, string name, Parameter parameter, bool halfPrecision)
    {
        long[] dims = parameter.Shape.Rank == 1 ? [parameter.Shape[0]] : [parameter.Shape[0], parameter.Shape[1]];
        if (halfPrecision) writer.Add(name, ElementType.F16, dims, stream => WriteHalves(stream, name, parameter.Data));
        else writer.Add(name, ElementType.F32, dims, stream => stream.WriteFloats(parameter.Data));
    }

    private static void WriteHalves(Stream stream, string name, ReadOnlySpan<float> values)
    {
        Half[] halves = new Half[values.Length];
        for (int i = 0; i < halves.Length; i++)
        {
            halves[i] = (Half)values[i];
            if (!Half.IsFinite(halves[i])) throw new MokaException($"{name}: {values[i]} is not finite in half precision, whose largest number is {Half.MaxValue}; store the model in float.");
        }
        stream.Write(MemoryMarshal.AsBytes<Half>(halves));
    }

    private static string Require(string folder, string name)
    {
        if (!Directory.Exists(folder)) throw new MokaException($"{folder}: a model is a folder with {ConfigFile}, {WeightsFile} and {TokenizerJson.FileName}, and there is no such folder; check the path.");
        string path = Path.Combine(folder, name);
        return File.Exists(path) ? path : throw new MokaException($"{path}: the file is missing; a model folder holds {ConfigFile}, {WeightsFile} and {TokenizerJson.FileName}.");
    }
}
