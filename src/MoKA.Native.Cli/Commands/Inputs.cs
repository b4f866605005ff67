using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Nn;

namespace MoKA.Native.Cli.Commands;

/// <summary>Reads what several commands take: a model with its tokenizer and, when given, an adapter put on it.</summary>
internal sealed class Inputs : IDisposable
{
    private Inputs(Cpu cpu, ModelSource source, LlamaModel model, Tokenizer tokenizer, AdapterSet? adapters) => (Cpu, Source, Model, Tokenizer, Adapters) = (cpu, source, model, tokenizer, adapters);

    public Cpu Cpu { get; }

    /// <summary>Where the model came from.</summary>
    public ModelSource Source { get; }

    public LlamaModel Model { get; }

    public Tokenizer Tokenizer { get; }

    public AdapterSet? Adapters { get; }

    public static Inputs Load(string modelPath, string? tokenizerPath, string? adapterFolder, int threads, string activations)
    {
        Cpu cpu = UsageException.Check(() => new Cpu(threads));
        try
        {
            ModelSource source = ModelSource.Open(modelPath);
            LlamaModel model = source.LoadModel();
            if (activations == Options.Int8) UsageException.Check(() => model.Activations = Activations.Int8);
            Tokenizer tokenizer = source.LoadTokenizer(tokenizerPath);
            AdapterSet? adapters = adapterFolder is null ? null : MokaFolder.Load(AdapterIn(adapterFolder), model, source.Hash());
            adapters?.Attach();
            return new Inputs(cpu, source, model, tokenizer, adapters);
        }
        catch
        {
            cpu.Dispose();
            throw;
        }
    }

    /// <summary>The longest text: what was asked for, or what the model can hold up to the usual length.</summary>
    public int Length(int asked)
    {
        int positions = Model.Config.MaxPositions;
        if (asked > positions) throw new UsageException($"--max-length must be at most {positions}, the model's positions, got {asked}.");
        return asked > 0 ? asked : Math.Min(positions, TrainSettings.UsualLength);
    }

    /// <summary>The adapter's own folder, also when the run's is given.</summary>
    public static string AdapterIn(string folder)
    {
        string inRun = Path.Combine(folder, Llama.Training.RunFolder.AdapterName);
        return !File.Exists(Path.Combine(folder, MokaFolder.ConfigFile)) && Directory.Exists(inRun) ? inRun : folder;
    }

    public void Dispose() => Cpu.Dispose();
}
