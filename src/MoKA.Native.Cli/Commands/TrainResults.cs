using MoKA.Native.Cli.Screens;
using MoKA.Native.Llama.Evaluation;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary>The end of a run on the screen: before and after, an answer, the gates, and what to do next.</summary>
internal static class TrainResults
{
    public static void Show(Screen screen, TrainSetup setup, TrainOutcome outcome, string run, Terminal terminal)
    {
        screen.Line();
        if (outcome is { Before: { } before, After: { } after })
        {
            screen.Table($"{Count(before.Answers.Answers.Count)} held-out records", ["", "before", "after"],
            [
                ["loss, nats a token", Loss(before.Loss.NatsPerToken), Loss(after.Loss.NatsPerToken)],
                ["exact answers", Answers(before.Answers), Answers(after.Answers)],
                ["", Bar(before.Answers.Accuracy), Bar(after.Answers.Accuracy)],
            ]);
            ShowSample(screen, setup.Settings.Start is null ? "base says" : "it said", before.Answers, after.Answers);
        }
        IReadOnlyList<GateSummary> gates = GateSummary.Of(setup.Adapters);
        if (gates.Count > 0) screen.Table("gates: how a map's weight of 1 is shared among its filters, mean over layers", GateSummary.Headers, [.. gates.Select(g => g.Row)]);
        screen.Line($"{outcome.StepsDone} steps in {Time(outcome.Seconds)}, last loss {Loss(outcome.LastLoss)}; everything is in {run}");
        screen.Line();
        ShowNext(screen, setup, run, terminal.Command);
    }

    private static string Answers(AnswersResult answers) => $"{answers.Correct} of {answers.Answers.Count}, {Percent(answers.Accuracy)}";

    private static void ShowSample(Screen screen, string labelBefore, AnswersResult before, AnswersResult after)
    {
        int index = Math.Max(0, Enumerable.Range(0, after.Answers.Count).FirstOrDefault(i => after.Answers[i].Correct && !before.Answers[i].Correct));
        AnswerResult asked = after.Answers[index];
        List<Fact> facts = [new("question", Line(asked.Record.Instruction))];
        if (asked.Record.Input.Length > 0) facts.Add(new("about", Line(asked.Record.Input)));
        facts.Add(new("right answer", Line(asked.Record.Answer ?? asked.Record.Output)));
        facts.Add(new(labelBefore, Line(before.Answers[index].Response)));
        facts.Add(new("now it says", Line(asked.Response)));
        screen.Panel("one question", facts);
    }

    private static void ShowNext(Screen screen, TrainSetup setup, string run, string moka)
    {
        TrainSettings s = setup.Settings;
        string withAdapter = $"-m {Argument(s.Model)} -a {Argument(run + "/adapter")}";
        screen.Line("next:");
        if (setup.HeldOut is { } heldOut)
        {
            Llama.Data.AlpacaRecord record = heldOut.Records[0];
            string input = record.Input.Length == 0 ? "" : $" --input {Argument(record.Input)}";
            screen.Line($"  ask it      {moka} generate {withAdapter} --instruction -p {Argument(record.Instruction)}{input} --template {s.Template}");
            screen.Line($"  measure it  {moka} eval answers {withAdapter} -d {Argument(s.Test!)} --template {s.Template}");
        }
        screen.Line($"  look inside {moka} inspect {Argument(run)}");
        screen.Line($"  your data   {moka} train -m {Argument(s.Model)} -d YOUR.json -o runs/yours");
    }

    // Text that a shell would read as more than text is not worth the quoting here.
    private static string Argument(string text)
    {
        if (text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '-' or '_' or ':' or '=')) return text;
        return text.Any(c => c is '"' or '$' or '`' or '\\' or '!' or '%' || char.IsControl(c)) ? "\"...\"" : $"\"{text}\"";
    }
}
