using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Cli.Commands;

/// <summary>A run made ready: every file read and checked, the adapters on the model, and nothing written.</summary>
internal sealed class TrainSetup : IDisposable
{
    private readonly Inputs _inputs;

    public TrainSetup(Terminal terminal, TrainSettings settings)
    {
        settings.Validate();
        Settings = settings;
        _inputs = Inputs.Load(terminal, settings.Model, settings.Tokenizer, adapters: [], anyBase: false, settings.Threads, Options.Float);
        MaxLength = _inputs.Length(settings.MaxLength);
        AlpacaTemplate template = AlpacaTemplate.ByName(settings.Template);
        Data = new InstructionDataset(Tokenizer, template, AlpacaReader.Read(settings.Data), MaxLength, settings.Seed);
        HeldOut = settings.Test is null ? null : new HeldOut(settings.Test, Tokenizer, template, MaxLength, settings.EvalExamples);
        BaseHash = _inputs.Source.Hash();
        Adapters = settings.Start is { } start
            ? AdapterInput.Load(terminal, start, Model, Source, settings.AnyBase).Adapters
            : UsageException.Check(() => new AdapterSet(Model.Projections, AdapterTargets.Parse(settings.Targets), settings.Adapter, settings.Seed));
        Method = settings.Start is null ? settings.Adapter : Adapters.Entries.First().Adapter.Options;
        Adapters.Attach();
        Model.Recompute = settings.Recompute;
        double tokens = Data.Examples.Average(e => e.Tokens.Length - 1.0), targets = Data.Examples.Average(e => (double)e.ResponseLength);
        Memory = MemoryEstimate.ForTraining(Model.Config, Adapters, settings.BatchSize * tokens, settings.BatchSize * targets, settings.Recompute, Model.WeightBytes);
    }

    public TrainSettings Settings { get; }

    public Cpu Cpu => _inputs.Cpu;

    public ModelSource Source => _inputs.Source;

    public LlamaModel Model => _inputs.Model;

    public Llama.Tokenizers.Tokenizer Tokenizer => _inputs.Tokenizer;

    public InstructionDataset Data { get; }

    public HeldOut? HeldOut { get; }

    public AdapterSet Adapters { get; }

    /// <summary>How maps are changed; where those of an adapter that was there differ, the first one.</summary>
    public AdapterOptions Method { get; }

    public string BaseHash { get; }

    public int MaxLength { get; }

    public MemoryEstimate Memory { get; }

    /// <summary>The distinct shapes of adapted maps with the kinds that have them.</summary>
    public IEnumerable<(string Kinds, Adapter Adapter)> AdaptedShapes => Adapters.Entries
        .GroupBy(e => (e.Projection.Out, e.Projection.In, string.Join(' ', e.Adapter.Parts)))
        .Select(g => (Kinds: string.Join(',', g.Select(e => e.Projection.Kind).Distinct()), g.First().Adapter))
        .GroupBy(g => g.Kinds)
        // An adapter that was there may change layers of one kind in several ways; each has a name of its own.
        .SelectMany(g => g.Select((a, i) => (i == 0 ? a.Kinds : $"{a.Kinds} ({i + 1})", a.Adapter)));

    public void Dispose() => _inputs.Dispose();
}
