using MoKA.Native.Llama.Training;

namespace MoKA.Native.Cli.Screens;

/// <summary>A step as the screen shows it.</summary>
/// <param name="Step">What the step did.</param>
/// <param name="MemoryBytes">The process's memory.</param>
/// <param name="HeldOutLoss">The loss on held-out data, where it was measured after this step.</param>
internal readonly record struct TrainingRow(StepReport Step, long MemoryBytes, double? HeldOutLoss);

/// <summary>What a person sees: drawn and alive on a terminal, or plain lines anywhere else.</summary>
internal abstract class Screen
{
    /// <summary>A titled list of facts.</summary>
    public abstract void Panel(string title, IReadOnlyList<Fact> facts);

    /// <summary>A titled table; every row has a cell for each header.</summary>
    public abstract void Table(string title, IReadOnlyList<string> headers, IReadOnlyList<IReadOnlyList<string>> rows);

    /// <summary>One line.</summary>
    public abstract void Line(string text = "");

    /// <summary>Shows training while <paramref name="run"/> does it and reports every step.</summary>
    public abstract void Training(Action<Action<TrainingRow>> run);

    /// <summary>Shows how much of something is done while <paramref name="work"/> does it and reports the count.</summary>
    public abstract T Counting<T>(string what, int total, Func<Action<int>, T> work);
}
