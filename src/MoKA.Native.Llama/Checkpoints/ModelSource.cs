using System.Collections.Immutable;
using System.Text;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>A tensor as a file keeps it.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Type">How its elements are stored, in the file's own spelling.</param>
/// <param name="Dims">Its shape, row-major.</param>
/// <param name="Bytes">What it takes.</param>
public readonly record struct StoredTensor(string Name, string Type, ImmutableArray<long> Dims, long Bytes);

/// <summary>A model as somebody gave it to us, in whichever format: its config at once, everything else when asked for.</summary>
public abstract class ModelSource
{
    private string? _hash;

    private protected ModelSource(string path, LlamaConfig config) => (Path, Config) = (path, config);

    /// <summary>Looks at a folder or a file and reads its config.</summary>
    /// <param name="path">A Hugging Face folder, a GGUF file or a llama2.c file; what it is shows in its content.</param>
    /// <exception cref="MokaException">There is nothing, it is none of the formats, it is damaged, or the model is of another kind.</exception>
    public static ModelSource Open(string path) =>
        !File.Exists(path) ? new HuggingFaceSource(path)
        : GgufModel.IsGguf(path) ? new GgufSource(path)
        : IsSafetensors(path) ? throw new MokaException($"{Quoted.Plain(path)}: weights alone are no model; give the folder that holds them beside {LlamaFolder.ConfigFile}.")
        : new Llama2cSource(path);

    /// <summary>The folder or file.</summary>
    public string Path { get; }

    /// <summary>What the format is called.</summary>
    public abstract string Format { get; }

    /// <summary>The sizes and constants.</summary>
    public LlamaConfig Config { get; }

    /// <summary>The files that hold the weights.</summary>
    public abstract IReadOnlyList<string> WeightFiles { get; }

    /// <summary>The bytes of the weights.</summary>
    public virtual long WeightBytes => WeightFiles.Sum(file => new FileInfo(file).Length);

    /// <summary>Jinja text of the model's own chat template, or null when there is none.</summary>
    public virtual string? ChatTemplate => null;

    /// <summary>What the authors propose for generating, or null when they say nothing.</summary>
    public virtual GenerationConfigJson? Proposal => null;

    /// <summary>Whether a tokenizer came with the model.</summary>
    public abstract bool HasTokenizer { get; }

    /// <summary>Every tensor of the weights, in the files' order.</summary>
    public abstract IReadOnlyList<StoredTensor> Tensors();

    /// <summary>
    /// Reads the model; every parameter comes back frozen. Weights stay in their file, which is mapped into memory for as long
    /// as the model is held and read where it is used.
    /// </summary>
    /// <exception cref="MokaException">A file is missing, damaged, or does not fit the others.</exception>
    public abstract LlamaModel LoadModel();

    /// <summary>A hash of the weights: what an adapter remembers of the base it was trained on.</summary>
    public string Hash() => _hash ??= FileHash.Of(WeightFiles);

    /// <summary>Reads the tokenizer that came with the model, or another one, and checks that its ids fit.</summary>
    /// <param name="path">A tokenizer's file, or a folder that holds one; the model's own unless given.</param>
    /// <exception cref="MokaException">There is none, it is damaged, or it has more ids than the model.</exception>
    public Tokenizer LoadTokenizer(string? path = null)
    {
        Tokenizer tokenizer = path is null ? OwnTokenizer() : TokenizerFile.Load(path, Config.VocabularySize);
        if (tokenizer.VocabularySize > Config.VocabularySize)
            throw new MokaException($"{Quoted.Plain(path ?? Path)}: the tokenizer has {tokenizer.VocabularySize} ids but the model only {Config.VocabularySize}; use the tokenizer that belongs to the model.");
        return tokenizer;
    }

    /// <summary>Writes what belongs to the model beside weights and config into a folder: tokenizer, chat template, proposals.</summary>
    /// <exception cref="MokaException">A file cannot be read or written.</exception>
    internal virtual void SaveCompanions(string folder)
    {
        if (HasTokenizer) TokenizerJson.Save(LoadTokenizer(), folder);
        if (ChatTemplate is { } template) AtomicFile.Write(System.IO.Path.Combine(folder, HuggingFaceSource.TemplateFile), stream => stream.Write(Encoding.UTF8.GetBytes(template)));
    }

    /// <summary>Whether a file begins as safetensors files do: behind eight bytes of length its header is JSON.</summary>
    public static bool IsSafetensors(string path) => ModelFolder.BeginsWith(path, "{\""u8, after: 8);

    /// <summary>The tokenizer that came with the model.</summary>
    private protected abstract Tokenizer OwnTokenizer();
}
