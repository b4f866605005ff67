using System.Globalization;
using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Nn;

namespace MoKA.Native.Cli.Commands;

/// <summary>Reads what several commands take: a model with its tokenizer and, when given, adapters put on it.</summary>
internal sealed class Inputs : IDisposable
{
    private Inputs(Cpu cpu, ModelSource source, LlamaModel model, Tokenizer tokenizer) => (Cpu, Source, Model, Tokenizer) = (cpu, source, model, tokenizer);

    public Cpu Cpu { get; }

    /// <summary>Where the model came from.</summary>
    public ModelSource Source { get; }

    public LlamaModel Model { get; }

    public Tokenizer Tokenizer { get; }

    public static Inputs Load(Terminal terminal, string modelPath, string? tokenizerPath, IReadOnlyList<string> adapters, bool anyBase, int threads, string activations)
    {
        AdapterInput.CheckAnyBase(anyBase, adapters.Count > 0);
        Cpu cpu = UsageException.Check(() => new Cpu(threads));
        try
        {
            ModelSource source = ModelSource.Open(modelPath);
            LlamaModel model = source.LoadModel();
            if (activations == Options.Int8) UsageException.Check(() => model.Activations = Activations.Int8);
            Tokenizer tokenizer = source.LoadTokenizer(tokenizerPath);
            Attach(terminal, source, model, adapters, anyBase);
            return new Inputs(cpu, source, model, tokenizer);
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

    public void Dispose() => Cpu.Dispose();

    private static void Attach(Terminal terminal, ModelSource source, LlamaModel model, IReadOnlyList<string> adapters, bool anyBase)
    {
        if (adapters.Count == 0) return;
        (AdapterSet Adapters, float Weight)[] sets = [.. adapters.Select(Weighted).Select(a => (AdapterInput.Load(terminal, a.Folder, model, source, anyBase).Adapters, a.Weight))];
        if (sets is [(AdapterSet alone, 1)]) alone.Attach();
        else new AdapterStack(sets).Attach();
    }

    /// <summary>FOLDER or FOLDER:0.5. A folder whose own name ends so is taken as it is.</summary>
    private static (string Folder, float Weight) Weighted(string text)
    {
        int colon = text.LastIndexOf(':');
        if (colon < 1 || Directory.Exists(text) || !float.TryParse(text.AsSpan(colon + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out float weight)) return (text, 1);
        return (text[..colon], weight);
    }
}
