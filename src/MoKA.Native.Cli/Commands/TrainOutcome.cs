using MoKA.Native.Cli.Screens;
using MoKA.Native.Llama.Evaluation;

namespace MoKA.Native.Cli.Commands;

/// <summary>The loss and the exact answers on held-out records at one moment.</summary>
internal sealed record Measurement(LossResult Loss, AnswersResult Answers);

/// <summary>What a run achieved.</summary>
/// <param name="StepsDone">Fewer than asked for when it was stopped.</param>
/// <param name="Seconds">From the first step to the last.</param>
/// <param name="LastLoss">Of the last step.</param>
/// <param name="Before">The base on the held-out records, if there are any.</param>
/// <param name="After">The adapted model on them, unless the run was stopped.</param>
internal sealed record TrainOutcome(long StepsDone, double Seconds, double LastLoss, Measurement? Before, Measurement? After)
{
    public IReadOnlyList<Fact> Facts(TrainSetup setup)
    {
        List<Fact> facts =
        [
            new("steps", "", StepsDone),
            new("complete", "", StepsDone == setup.Settings.Steps),
            new("seconds", "", Math.Round(Seconds, 2)),
            new("loss", "", LastLoss),
            new("trainable", "", setup.Adapters.ParameterCount),
        ];
        AddMeasurement(facts, "before", Before);
        AddMeasurement(facts, "after", After);
        facts.Add(new("gates", "", GateSummary.Of(setup.Adapters).Select(g => Fact.Named(g.Kind, g.Facts()))));
        return facts;
    }

    private static void AddMeasurement(List<Fact> facts, string label, Measurement? m)
    {
        if (m is not null) facts.Add(new(label, "", MeasurementFacts(m)));
    }

    private static IEnumerable<Fact> MeasurementFacts(Measurement m) =>
    [
        new("loss", "", m.Loss.NatsPerToken),
        new("targets", "", m.Loss.Targets),
        new("correct", "", m.Answers.Correct),
        new("asked", "", m.Answers.Answers.Count),
        new("accuracy", "", m.Answers.Accuracy),
    ];
}
