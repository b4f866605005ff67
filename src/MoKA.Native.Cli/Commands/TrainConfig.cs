using MoKA.Native.Cli.Screens;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Cli.Commands;

/// <summary>Every option of a run, resolved, as its config.json keeps it.</summary>
internal static class TrainConfig
{
    public static IReadOnlyList<Fact> Facts(TrainSetup setup)
    {
        TrainSettings s = setup.Settings;
        TrainingOptions t = s.Training;
        Fact Of(string label, object? value) => new(label, "", value ?? "");
        return
        [
            Of("method", TrainMethod.Of(setup.Method).Name),
            Of("start", s.Start),
            Of("model", s.Model),
            Of("model sha256", setup.BaseHash),
            Of("tokenizer", s.Tokenizer ?? s.Model),
            Of("data", s.Data),
            Of("records", setup.Data.Examples.Count),
            Of("dropped", setup.Data.DroppedTooLong + setup.Data.DroppedWithoutTarget),
            Of("test", s.Test),
            Of("test records", setup.HeldOut?.Records.Count ?? 0),
            Of("template", s.Template),
            Of("max length", setup.MaxLength),
            Of("targets", setup.Adapters.Targets.ToString()),
            Of("adapter", $"{setup.Method.Method}, {setup.Method.Describe()}"),
            Of("shapes", setup.AdaptedShapes.Select(a => Fact.Named(a.Kinds, a.Adapter.Parts))),
            .. s.Start is null ? MethodFacts(s).Select(f => Of(f.Label, f.Value)) : [],
            Of("dropout", setup.Method.Dropout),
            Of("recompute", s.Recompute),
            Of("trainable", setup.Adapters.ParameterCount),
            Of("parameters", setup.Model.Config.ParameterCount),
            Of("steps", t.Steps),
            Of("batch", t.BatchSize),
            Of("learning rate", t.PeakLearningRate),
            Of("schedule", s.Schedule),
            Of("warm-up", t.WarmUpShare),
            Of("final share", t.FinalShare),
            Of("clip", t.ClipNorm),
            Of("weight decay", t.AdamW.WeightDecay),
            Of("beta1", t.AdamW.Beta1),
            Of("beta2", t.AdamW.Beta2),
            Of("epsilon", t.AdamW.Epsilon),
            Of("eval every", s.StepsBetweenMeasurements),
            Of("seed", s.Seed),
            Of("threads", setup.Cpu.Threads),
            Of("instruction set", setup.Cpu.InstructionSet.ToString()),
            Of("version", typeof(TrainConfig).Assembly.GetName().Version!.ToString(3)),
        ];
    }

    /// <summary>The settings that mean something to the run's method.</summary>
    private static IEnumerable<(string Label, object? Value)> MethodFacts(TrainSettings s)
    {
        (string Option, string Label, object? Value)[] all =
        [
            (TrainMethod.Filters, "filters", s.Shapes.Filters ?? s.Filters), (TrainMethod.Scale, "scale", s.Scale), (TrainMethod.Temperature, "temperature", s.Temperature), (TrainMethod.Gate, "gate", s.Gated),
            (TrainMethod.Rank, "rank", s.Rank), (TrainMethod.Alpha, "alpha", s.Alpha ?? s.Rank), (TrainMethod.RateRatio, "rate ratio", s.RateRatio), (TrainMethod.Factor, "decompose factor", s.DecomposeFactor), (TrainMethod.Both, "decompose both", s.DecomposeBoth),
        ];
        IReadOnlyList<string> takes = TrainMethod.ByName(s.Method).Takes;
        return all.Where(a => takes.Contains(a.Option)).Select(a => (a.Label, a.Value));
    }
}
