using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// A model on disk: a folder with <c>config.json</c>, <c>model.safetensors</c> (or an index and the files it names) and a
/// tokenizer in the layout and spelling of Hugging Face. Linears in Q4_0 and Q8_0 are U8 [out, bytes of a row], NF4 and FP4
/// as bitsandbytes does.
/// </summary>
public static class LlamaFolder
{
    /// <summary>The sizes and constants.</summary>
    public const string ConfigFile = "config.json";

    /// <summary>The weights.</summary>
    public const string WeightsFile = "model.safetensors";

    /// <summary>Which file holds which weight, where they are several.</summary>
    public const string IndexFile = "model.safetensors.index.json";

    /// <summary>Reads the sizes and constants alone. The ids that end a text are those of generation_config.json where it names some.</summary>
    /// <exception cref="MokaException">The file is missing, damaged, or describes another kind of model.</exception>
    public static LlamaConfig LoadConfig(string folder)
    {
        string path = Require(folder, ConfigFile), generation = Path.Combine(folder, GenerationConfigJson.FileName);
        LlamaConfig config = ConfigJson.Read(path);
        if (!File.Exists(generation) || GenerationConfigJson.Read(generation).EosTokenIds is not { } ends) return config;
        config = config with { EosTokenIds = ends };
        config.Validate(Quoted.Plain(generation));
        return config;
    }

    /// <summary>Opens the weights: one file, or several by their index.</summary>
    /// <exception cref="MokaException">There are none, or a file is damaged.</exception>
    public static SafetensorsReader OpenWeights(string folder)
    {
        string index = Path.Combine(folder, IndexFile);
        return !File.Exists(Path.Combine(folder, WeightsFile)) && File.Exists(index) ? new SafetensorsShards(index) : new SafetensorsFile(Require(folder, WeightsFile));
    }

    /// <summary>
    /// Reads the model; every parameter comes back frozen. Matrices stay in the file, which is mapped into memory for as long
    /// as the model is held and read where it is used; norms and biases are copied.
    /// </summary>
    /// <exception cref="MokaException">A file is missing, damaged, or does not fit the others.</exception>
    public static LlamaModel LoadModel(string folder)
    {
        LlamaConfig config = LoadConfig(folder);
        SafetensorsReader file = OpenWeights(folder);
        try
        {
            return LoadModel(config, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The same from weights that the caller opened and closes when the model is done with.</summary>
    internal static LlamaModel LoadModel(LlamaConfig config, SafetensorsReader file)
    {
        SafetensorsWeights weights = new(file, config);
        LlamaModel model = new(config, weights);
        weights.RequireAllRead();
        return model;
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

    /// <summary>A hash of the weights, file by file: what an adapter remembers of the base it was trained on.</summary>
    public static string Hash(string folder)
    {
        using SafetensorsReader weights = OpenWeights(folder);
        return FileHash.Of(weights.Files);
    }

    /// <summary>Writes model and tokenizer. A weight that is already stored as asked is written as it is; norms are floats.</summary>
    /// <param name="folder">Where; made unless it is there.</param>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="linears">How to store the linear maps of the blocks.</param>
    /// <param name="tables">How to store the token table and the head: F32, F16 or BF16.</param>
    public static void Save(string folder, LlamaModel model, Tokenizer tokenizer, WeightStorage linears, WeightStorage tables)
    {
        LlamaConfig config = model.Config with { LinearStorage = linears, TableStorage = tables };
        config.Validate();
        SaveWeights(folder, model, config);
        TokenizerJson.Save(tokenizer, folder);
        ConfigJson.Write(Path.Combine(folder, ConfigFile), config);
    }

    /// <summary>Writes the weights alone, stored as <paramref name="config"/> says.</summary>
    internal static void SaveWeights(string folder, LlamaModel model, LlamaConfig config, SeeQuantized? see = null, CancellationToken cancel = default)
    {
        SafetensorsWriter writer = new();
        using WeightWriter weights = new(writer, config.TableStorage, see, cancel);
        foreach (ModelTensor tensor in HuggingFaceNames.TensorsOf(config))
        {
            switch (tensor.Role)
            {
                case TensorRole.Table: weights.Add(tensor.Name, tensor.Name == HuggingFaceNames.Head ? model.Head : model.Embedding, config.TableStorage); break;
                case TensorRole.Linear: weights.Add(tensor.Name, model.Projection(tensor.Layer, tensor.Kind), config.LinearStorage); break;
                case TensorRole.Bias: weights.Add(tensor.Name, model.Projection(tensor.Layer, tensor.Kind).Bias!); break;
                default: weights.Add(tensor.Name, model.NormOf(tensor.Layer, tensor.Kind)); break;
            }
        }
        ModelFolder.Create(folder);
        writer.Save(Path.Combine(folder, WeightsFile));
    }

    /// <summary>Writes a model that was opened from <paramref name="source"/>: its weights stored as <paramref name="config"/> says, then the tokenizer and what else belongs to it, and last the config, without which a folder is no model.</summary>
    /// <param name="source">Where the model came from.</param>
    /// <param name="folder">Made unless it is there.</param>
    /// <param name="model">The model.</param>
    /// <param name="config">Its sizes, and how to store it.</param>
    /// <param name="description">The config's file by <see cref="ConfigJson.Bytes"/>.</param>
    /// <param name="tokenizer">In place of the source's own.</param>
    /// <param name="report">Told of each linear map that is rounded to its storage, once.</param>
    /// <param name="cancel">Stops between two matrices; nothing is written.</param>
    internal static void SaveFrom(ModelSource source, string folder, LlamaModel model, LlamaConfig config, byte[] description, Tokenizer? tokenizer, Action<QuantizedTensor>? report, CancellationToken cancel)
    {
        HashSet<string> reported = [];
        SaveWeights(folder, model, config, (name, floats, matrix) =>
        {
            if (HuggingFaceNames.IsLinear(name) && reported.Add(name)) report?.Invoke(ModelQuantizer.Measure(name, floats, matrix));
        }, cancel);
        source.SaveCompanions(folder);
        if (tokenizer is not null) TokenizerJson.Save(tokenizer, folder);
        AtomicFile.Write(Path.Combine(folder, ConfigFile), stream => stream.Write(description));
    }

    private static string Require(string folder, string name)
    {
        if (!Directory.Exists(folder)) throw new MokaException($"{folder}: there is no such folder or file; a model is a folder with {ConfigFile}, {WeightsFile} and {TokenizerJson.FileName}, a GGUF file or a llama2.c file; check the path.");
        string path = Path.Combine(folder, name);
        if (name == WeightsFile && !File.Exists(path) && Directory.EnumerateFiles(folder, "*.bin").Concat(Directory.EnumerateFiles(folder, "*.pth")).FirstOrDefault() is { } pickled)
            throw new MokaException($"{path}: the file is missing; {Quoted.Name(Path.GetFileName(pickled))} is PyTorch's own format, which can run code when it is opened and is not read; convert the model to safetensors.");
        return File.Exists(path) ? path : throw new MokaException($"{path}: the file is missing; a model folder holds {ConfigFile}, {WeightsFile} and {TokenizerJson.FileName}.");
    }
}
