using System.Runtime.CompilerServices;
using MoKA.Native.Adapters;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Chat;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Llama;

/// <summary>
/// A frozen base with its tokenizer and adapters: load, tune, save and ask in one line each. Everything it
/// does can also be done with the parts, <see cref="ModelSource"/>, <see cref="AdapterSet"/>, <see cref="Training.Trainer"/>
/// and <see cref="Generator"/>.
/// </summary>
public sealed class LanguageModel
{
    private readonly Cpu _cpu;
    private string? _hash;
    private AdapterOrigin? _origin;
    private AdapterStack? _stack;

    private LanguageModel(ModelSource source, LlamaModel model, Tokenizer tokenizer, Cpu cpu) =>
        (Source, Model, Tokenizer, _cpu) = (source, model, tokenizer, cpu);

    /// <summary>Reads a model of any format that <see cref="ModelSource"/> knows.</summary>
    /// <param name="path">A Hugging Face folder, a GGUF file or a llama2.c file.</param>
    /// <param name="cpu">What the model computes on; stays the caller's.</param>
    /// <param name="tokenizer">A tokenizer's file or folder; the model's own unless given.</param>
    /// <exception cref="MokaException">A file is missing, damaged, or does not fit the others.</exception>
    public static LanguageModel Load(string path, Cpu cpu, string? tokenizer = null)
    {
        ModelSource source = ModelSource.Open(path);
        return new LanguageModel(source, source.LoadModel(), source.LoadTokenizer(tokenizer), cpu);
    }

    /// <summary>Where the base was read from.</summary>
    public ModelSource Source { get; }

    /// <summary>The base, with the adapter on it while there is one.</summary>
    public LlamaModel Model { get; }

    /// <summary>The base's tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>The adapter that is on the model, or null.</summary>
    public AdapterSet? Adapters { get; private set; }

    /// <summary>What an adapter remembers of its base; computed from the weights when first asked for.</summary>
    public string Hash => _hash ??= Source.Hash();

    /// <summary>Puts a fresh adapter on the model, in place of one that is there. It changes no output until it is trained.</summary>
    /// <param name="options">The method and its settings: <see cref="MokaOptions"/>, <see cref="LoraOptions"/> and others.</param>
    /// <param name="targets">Which projections are adapted.</param>
    /// <param name="seed">What the first factors are drawn from.</param>
    /// <exception cref="MokaException">An option is out of range, or a target is none of the model's projections.</exception>
    public AdapterSet AttachNew(AdapterOptions options, AdapterTargets targets, ulong seed)
    {
        DetachAdapter();
        return Attach(new AdapterSet(Model.Projections, targets, options, seed));
    }

    /// <summary>Puts a saved adapter on the model, in place of one that is there. <see cref="Trainer"/> trains it further.</summary>
    /// <param name="folder">The adapter's folder.</param>
    /// <param name="anyBase">Whether it may have been trained on another base, such as this one in other bits; its maps must have the same shapes.</param>
    /// <exception cref="MokaException">A file is missing or damaged, or the adapter belongs to another base.</exception>
    public AdapterSet LoadAdapter(string folder, bool anyBase = false)
    {
        DetachAdapter();
        StoredAdapter stored = AdapterFolder.Load(folder, Model, anyBase ? null : Hash);
        _origin = stored.Origin;
        return Attach(stored.Adapters);
    }

    /// <summary>
    /// Puts several saved adapters on the model at once, in place of what is there; their weights may be changed at any time
    /// between texts. The base is not read again.
    /// </summary>
    /// <param name="adapters">Each adapter's folder and how much it counts.</param>
    /// <exception cref="MokaException">A file is missing or damaged, or an adapter belongs to another base.</exception>
    public AdapterStack LoadAdapters(params IReadOnlyList<(string Folder, float Weight)> adapters) => LoadAdapters(anyBase: false, adapters);

    /// <summary>The same.</summary>
    /// <param name="anyBase">Whether they may have been trained on another base, such as this one in other bits; their maps must have the same shapes.</param>
    /// <param name="adapters">Each adapter's folder and how much it counts.</param>
    /// <exception cref="MokaException">A file is missing or damaged, or an adapter belongs to another base.</exception>
    public AdapterStack LoadAdapters(bool anyBase, params IReadOnlyList<(string Folder, float Weight)> adapters)
    {
        DetachAdapter();
        _stack = new AdapterStack([.. adapters.Select(a => (AdapterFolder.Load(a.Folder, Model, anyBase ? null : Hash).Adapters, a.Weight))]);
        _stack.Attach();
        return _stack;
    }

    /// <summary>Writes the adapter that is on the model, exact to the bit.</summary>
    /// <exception cref="MokaException">There is none, or the folder cannot be written.</exception>
    public void SaveAdapter(string folder)
    {
        if (Adapters is null) throw new MokaException($"{folder}: there is no adapter on the model to be saved; attach or load one first.");
        AdapterFolder.Save(folder, Model, Adapters, _origin ?? new AdapterOrigin(AdapterOrigin.NameOf(Source.Path), Hash));
    }

    /// <summary>Takes the adapter off: the model is the base again, to the bit.</summary>
    public void DetachAdapter()
    {
        Adapters?.Detach();
        _stack?.Detach();
        (Adapters, _stack, _origin) = (null, null, null);
    }

    /// <summary>A trainer of the adapter that is on the model.</summary>
    /// <exception cref="MokaException">There is no adapter, or an option is out of range.</exception>
    public Trainer Trainer(IBatchSource data, TrainingOptions options)
    {
        AdapterOrigin? origin = _origin?.TrainedOn(Source.Path, Hash);
        Trainer trainer = new(Model, Adapters?.Parameters ?? [], data, options, _cpu);
        _origin = origin;
        return trainer;
    }

    /// <summary>The text that follows a prompt, as a whole.</summary>
    public string Generate(string prompt, GenerationOptions options) => string.Concat(Stream(prompt, options));

    /// <summary>The text that follows a prompt, in pieces as they come; no piece breaks a character in two.</summary>
    /// <param name="prompt">The text to continue.</param>
    /// <param name="options">How to choose and when to stop.</param>
    /// <param name="result">Filled while text comes; says at the end why there is no more.</param>
    public IEnumerable<string> Stream(string prompt, GenerationOptions options, GenerationResult? result = null)
    {
        using Generator generator = new(Model, _cpu);
        foreach (string piece in generator.Text(Tokenizer, prompt, options, result)) yield return piece;
    }

    /// <summary>
    /// The same for asynchronous callers: text is computed on the thread pool while the caller's context is free. Cancelling
    /// ends the text without an exception.
    /// </summary>
    /// <param name="prompt">The text to continue.</param>
    /// <param name="options">How to choose and when to stop.</param>
    /// <param name="result">Filled while text comes; says at the end why there is no more.</param>
    /// <param name="cancel">Ends the text.</param>
    public async IAsyncEnumerable<string> StreamAsync(string prompt, GenerationOptions options, GenerationResult? result = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        using Generator generator = new(Model, _cpu);
        await foreach (string piece in generator.TextAsync(Tokenizer, prompt, options, result, cancel).ConfigureAwait(false)) yield return piece;
    }

    /// <summary>The texts that follow several prompts, generated together: each is what <see cref="Generate"/> gives, and the weights are read once a step for all.</summary>
    public IReadOnlyList<TextCompletion> GenerateMany(IReadOnlyList<string> prompts, GenerationOptions options, CancellationToken cancel = default)
    {
        using Generator generator = new(Model, _cpu);
        return generator.TextOfMany(Tokenizer, prompts, options, cancel);
    }

    /// <summary>Opens a conversation with the model.</summary>
    /// <param name="template">How the model wants conversations written.</param>
    /// <param name="context">The most tokens of the conversation, at most the model's positions.</param>
    public ChatSession Chat(ChatTemplate template, int context) => new(Model, Tokenizer, _cpu, template, context);

    private AdapterSet Attach(AdapterSet adapters)
    {
        adapters.Attach();
        return Adapters = adapters;
    }
}
