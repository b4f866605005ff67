using System.CommandLine;
using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Quantization;

namespace MoKA.Native.Cli.Commands;

/// <summary>What is exported or merged: a model, perhaps an adapter that is not yet on it, and where the result goes.</summary>
internal sealed class AdaptedModel : IDisposable
{
    private AdaptedModel(Cpu cpu, ModelSource source, LlamaModel model, StoredAdapter? adapter) => (Cpu, Source, Model, Adapter) = (cpu, source, model, adapter);

    public Cpu Cpu { get; }

    public ModelSource Source { get; }

    public LlamaModel Model { get; }

    public StoredAdapter? Adapter { get; }

    /// <summary>Floating-point types and block types by the names that options give them.</summary>
    public static IReadOnlyDictionary<string, WeightStorage> Types { get; } = new Dictionary<string, WeightStorage>
    {
        ["f32"] = WeightStorage.F32, ["f16"] = WeightStorage.F16, ["bf16"] = WeightStorage.BF16, ["q8_0"] = WeightStorage.Q8_0, ["q4_0"] = WeightStorage.Q4_0,
    };

    public static AdaptedModel Load(Terminal terminal, string modelPath, string? adapterFolder, bool anyBase, string output, string? tokenizer, bool force, int threads)
    {
        OutputFolder.RequireFree(output, force);
        string? adapter = adapterFolder is null ? null : AdapterInput.FolderOf(adapterFolder);
        string? words = Directory.Exists(tokenizer) ? TokenizerFile.Find(tokenizer) : tokenizer;
        UsageException.Check(() => OutputPlace.RequireApart(output, [.. new[] { modelPath, adapter, words }.OfType<string>()]));
        Cpu cpu = UsageException.Check(() => new Cpu(threads));
        try
        {
            ModelSource source = ModelSource.Open(modelPath);
            LlamaModel model = source.LoadModel();
            return new AdaptedModel(cpu, source, model, adapter is null ? null : AdapterInput.Load(terminal, adapter, model, source, anyBase));
        }
        catch
        {
            cpu.Dispose();
            throw;
        }
    }

    /// <summary>Where a new adapter says it comes from.</summary>
    public AdapterOrigin Origin => new(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Source.Path))), Source.Hash());

    /// <summary>The ids of a text for comparisons, cut to what the model holds; without a tokenizer some ids of the vocabulary.</summary>
    public int[] Tokens(string text, string? tokenizerPath)
    {
        const int most = 256;
        int positions = Math.Min(most, Model.Config.MaxPositions);
        if (tokenizerPath is null && !Source.HasTokenizer) return [.. Enumerable.Range(0, Math.Min(positions, 32)).Select(i => 7 * i % Model.Config.VocabularySize)];
        Tokenizer tokenizer = Source.LoadTokenizer(tokenizerPath);
        return [.. tokenizer.Encode(text, addBos: true).Take(positions)];
    }

    public void Dispose() => Cpu.Dispose();
}
