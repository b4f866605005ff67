using System.Diagnostics;
using MoKA.Native.Llama.Training;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Screens;

/// <summary>Lines without colours or control characters, for files, pipes and logs.</summary>
internal sealed class PlainScreen(TextWriter output) : Screen
{
    private const int LinesPerRun = 30;
    private const int SecondsBetweenLines = 15;

    public override void Panel(string title, IReadOnlyList<Fact> facts)
    {
        output.WriteLine(title);
        int width = facts.Max(f => f.Label.Length);
        foreach (Fact fact in facts) output.WriteLine($"  {fact.Label.PadRight(width)}  {fact.Text}");
        output.WriteLine();
        output.Flush();
    }

    public override void Table(string title, IReadOnlyList<string> headers, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        output.WriteLine(title);
        IReadOnlyList<IReadOnlyList<string>> all = [headers, .. rows];
        int[] widths = [.. headers.Select((_, column) => all.Max(row => row[column].Length))];
        foreach (IReadOnlyList<string> row in all) output.WriteLine($"  {string.Join("  ", row.Select((cell, i) => cell.PadRight(widths[i])))}".TrimEnd());
        output.WriteLine();
        output.Flush();
    }

    public override void Line(string text = "")
    {
        output.WriteLine(text);
        output.Flush();
    }

    public override void Training(Action<Action<TrainingRow>> run) => run(row =>
    {
        StepReport step = row.Step;
        long every = Math.Max(1, step.Steps / LinesPerRun);
        if (step.Step != 1 && step.Step != step.Steps && step.Step % every != 0 && row.HeldOutLoss is null) return;
        string heldOut = row.HeldOutLoss is { } loss ? $"  held-out {Loss(loss)}" : "";
        Line(Invariant($"step {step.Step}/{step.Steps}  loss {Loss(step.Loss)}  lr {Rate(step.LearningRate)}  |g| {step.GradientNorm:0.000}  {step.TokensPerSecond:#,0} tok/s  {Bytes(row.MemoryBytes)}  left {Time(step.SecondsLeft)}{heldOut}"));
    });

    public override T Counting<T>(string what, int total, Func<Action<int>, T> work)
    {
        Line($"{what} ({Count(total)}) ...");
        long start = Stopwatch.GetTimestamp(), last = start;
        return work(done =>
        {
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (done <= 0 || Stopwatch.GetElapsedTime(last).TotalSeconds < SecondsBetweenLines) return;
            last = Stopwatch.GetTimestamp();
            Line($"{what} {Count(done)}/{Count(total)}  left {Time(seconds / done * (total - done))}");
        });
    }
}
