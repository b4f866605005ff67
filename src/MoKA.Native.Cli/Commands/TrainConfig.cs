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
            Of("method", "moka"),
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
            Of("filters", s.Moka.Filters),
            Of("shapes", setup.AdaptedShapes.Select(a => Fact.Named(a.Kinds, a.Adapter.Shapes.Select(shape => shape.ToString())))),
            Of("scale", s.Scale),
            Of("dropout", s.Dropout),
            Of("temperature", s.Temperature),
            Of("gate", s.Gated),
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
}
