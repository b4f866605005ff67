using MoKA.Native.Adapters;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Training;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary>What is known before the first step, for the panel that opens a run.</summary>
internal static class TrainPanel
{
    public static IReadOnlyList<Fact> Facts(TrainSetup setup)
    {
        TrainSettings s = setup.Settings;
        LlamaConfig c = setup.Model.Config;
        List<Fact> facts =
        [
            new("model", Model(c)),
            new("base", Base(setup.Source)),
            new("tokenizer", $"{Count(setup.Tokenizer.VocabularySize)} pieces"),
            new("data", Data(setup)),
        ];
        if (setup.HeldOut is { } heldOut) facts.Add(new("held out", $"{s.Test}: {Count(heldOut.Records.Count)} records{(heldOut.Dropped > 0 ? $", {heldOut.Dropped} left out" : "")}"));
        facts.Add(new("adapter", $"{setup.Method.Method}: {setup.Method.Describe()}, on {setup.Adapters.Targets}"));
        if (s.Start is { } start) facts.Add(new("  goes on from", start));
        foreach ((string kinds, Adapter adapter) in setup.AdaptedShapes) facts.Add(new($"  {kinds}", $"[{adapter.Out}, {adapter.In}]: {Grouped(adapter.Parts)}"));
        long trainable = setup.Adapters.ParameterCount, all = trainable + c.ParameterCount;
        facts.Add(new("trainable", $"{Count(trainable)} of {Count(all)} ({Invariant($"{100.0 * trainable / all:0.00}")} %)"));
        facts.Add(new("training", $"{s.Steps} steps of {s.BatchSize} examples, AdamW, learning rate {Rate(s.LearningRate)} {s.Schedule}, warm-up {Percent(s.WarmUp)}, clip {Number(s.Clip)}, seed {s.Seed}{(s.Recompute ? ", blocks recomputed" : "")}"));
        facts.Add(new("memory", Memory(setup.Memory)));
        facts.Add(new("machine", $"{setup.Cpu.Threads} threads, {setup.Cpu.InstructionSet}"));
        return facts;
    }

    public static string Model(LlamaConfig c) =>
        $"LLaMA, {c.Layers} layers, hidden {c.HiddenSize}, {c.Heads} heads of {c.HeadDim} on {c.KeyValueHeads} key-value heads, feed-forward {c.IntermediateSize}, vocabulary {Count(c.VocabularySize)}, {Count(c.MaxPositions)} positions";

    public static string Base(ModelSource source) =>
        $"{source.Path}: {Count(source.Config.ParameterCount)} parameters, {InspectModel.Name(source.Config.LinearStorage)}, {Bytes(source.WeightBytes)}";

    /// <summary>Equal texts counted and said once: 2 each of 16x12:12x16 24x8:8x24, for two filters of each of these shapes.</summary>
    public static string Grouped(IEnumerable<string> texts)
    {
        (string Text, int Count)[] groups = [.. texts.GroupBy(t => t).Select(g => (g.Key, g.Count()))];
        string all = string.Join(' ', groups.Select(g => g.Text));
        if (groups.Length == 0 || groups.Any(g => g.Count != groups[0].Count)) return string.Join(' ', groups.Select(g => $"{g.Text} ({g.Count})"));
        return groups[0].Count == 1 ? all : $"{groups[0].Count} each of {all}";
    }

    public static string Memory(MemoryEstimate m) =>
        $"about {Bytes(m.TotalBytes)} and the runtime: weights {Bytes(m.WeightBytes)}, activations {Bytes(m.ActivationBytes)}, adapters with optimiser {Bytes(m.AdapterBytes)}";

    private static string Data(TrainSetup setup)
    {
        int dropped = setup.Data.DroppedTooLong + setup.Data.DroppedWithoutTarget;
        long tokens = setup.Data.Examples.Sum(e => (long)e.Tokens.Length);
        string rest = dropped == 0 ? "none dropped" : $"{setup.Data.DroppedTooLong} too long and {setup.Data.DroppedWithoutTarget} without a response dropped";
        return Invariant($"{setup.Settings.Data}: {Count(setup.Data.Examples.Count)} records ({rest}), {Count(tokens)} tokens, {(double)tokens / setup.Data.Examples.Count:0.0} each");
    }
}
