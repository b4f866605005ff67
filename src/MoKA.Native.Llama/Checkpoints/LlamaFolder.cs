using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// A model on disk: a folder with <c>config.json</c>, <c>model.safetensors</c> and <c>tokenizer.json</c> in the layout
/// and spelling of Hugging Face. Linears in Q4_0 and Q8_0 are U8 [out, bytes of a row], NF4 and FP4 as bitsandbytes does.
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

    /// <summary>
    /// Reads the model; every parameter comes back frozen. Half-precision and quantised weights stay in the file, which is
    /// mapped into memory for as long as the model is held and read where it is used.
    /// </summary>
    /// <exception cref="MokaException">A file is missing, damaged, or does not fit the others.</exception>
    public static LlamaModel LoadModel(string folder)
    {
        LlamaConfig config = LoadConfig(folder);
        SafetensorsFile file = new(Require(folder, WeightsFile));
        try
        {
            SafetensorsWeights weights = new(file, config);
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

    /// <summary>Reads the tokenizer and checks that its ids fit the model.</summary>
    public static Tokenizer LoadTokenizer(string folder, LlamaConfig config) => LoadTokenizerFile(TokenizerFile.Find(folder) ?? Require(folder, TokenizerJson.FileName), config);

    /// <summary>Reads a tokenizer that lies elsewhere and checks that its ids fit the model.</summary>
    public static Tokenizer LoadTokenizerFile(string path, LlamaConfig config)
    {
        Tokenizer tokenizer = TokenizerFile.Load(path, config.VocabularySize);
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

    /// <summary>Writes model and tokenizer. A weight that is already stored as asked is written as it is; norms are floats.</summary>
    /// <param name="folder">Where; made unless it is there.</param>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="linears">How to store the linear maps of the blocks.</param>
    /// <param name="tables">How to store the token table and the head: F32, F16 or BF16.</param>
    public static void Save(string folder, LlamaModel model, Tokenizer tokenizer, WeightStorage linears, WeightStorage tables)
    {
        ModelFolder.Create(folder);
        SafetensorsWriter writer = new();
        LlamaConfig config = model.Config with { LinearStorage = linears, TableStorage = tables };
        config.Validate();
        using WeightWriter weights = new(writer, config.TableStorage);
        weights.Add(HuggingFaceNames.Embedding, model.Embedding, tables);
        weights.Add(HuggingFaceNames.FinalNorm, model.Norm);
        if (!config.TieEmbeddings) weights.Add(HuggingFaceNames.Head, model.Head, tables);
        for (int layer = 0; layer < config.Layers; layer++)
        {
            LlamaBlock block = model.Blocks[layer];
            weights.Add(HuggingFaceNames.Norm(layer, "attention"), block.AttentionNorm);
            weights.Add(HuggingFaceNames.Norm(layer, "mlp"), block.MlpNorm);
            foreach (Projection projection in block.Projections) weights.Add(HuggingFaceNames.Weight(layer, projection.Kind), projection, linears);
        }
        writer.Save(Path.Combine(folder, WeightsFile));
        TokenizerJson.Save(tokenizer, folder);
        ConfigJson.Write(Path.Combine(folder, ConfigFile), config);
    }

    private static string Require(string folder, string name)
    {
        if (!Directory.Exists(folder)) throw new MokaException($"{folder}: a model is a folder with {ConfigFile}, {WeightsFile} and {TokenizerJson.FileName}, and there is no such folder; check the path.");
        string path = Path.Combine(folder, name);
        return File.Exists(path) ? path : throw new MokaException($"{path}: the file is missing; a model folder holds {ConfigFile}, {WeightsFile} and {TokenizerJson.FileName}.");
    }
}
