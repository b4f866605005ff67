using MoKA.Native.Llama.Training;
using Spectre.Console;
using Spectre.Console.Rendering;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Screens;

/// <summary>The moving part of a training screen: how far, how well, how fast.</summary>
internal sealed class LiveTraining
{
    private const int BarWidth = 40;
    private const int CurveWidth = 60;
    private readonly List<double> _losses = [];
    private readonly List<string> _heldOut = [];
    private TrainingRow _row;

    public void Add(TrainingRow row)
    {
        _row = row;
        _losses.Add(row.Step.Loss);
        if (row.HeldOutLoss is { } loss) _heldOut.Add(Invariant($"step {row.Step.Step} {Loss(loss)}"));
    }

    public IRenderable Draw()
    {
        StepReport step = _row.Step;
        if (step.Step == 0) return new Markup("[grey]first step ...[/]");
        Grid grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(2)).AddColumn();
        grid.AddRow(new Markup("[grey]step[/]"), new Markup(Invariant($"[teal]{Bar((double)step.Step / step.Steps, BarWidth)}[/] [bold]{step.Step}[/]/{step.Steps}  [grey]left[/] {Time(step.SecondsLeft)}")));
        grid.AddRow(new Markup("[grey]loss[/]"), new Markup(Invariant($"[bold]{Loss(step.Loss)}[/]  [grey]learning rate[/] {Rate(step.LearningRate)}  [grey]gradient norm[/] {step.GradientNorm:0.000}")));
        grid.AddRow(new Markup("[grey]curve[/]"), new Markup($"[teal]{Sparks(Curve())}[/]"));
        grid.AddRow(new Markup("[grey]speed[/]"), new Markup(Invariant($"{step.TokensPerSecond:#,0} tokens/s  [grey]memory[/] {Bytes(_row.MemoryBytes)}")));
        if (_heldOut.Count > 0) grid.AddRow(new Markup("[grey]held out[/]"), new Markup(string.Join("  [grey]·[/]  ", _heldOut.TakeLast(5))));
        return grid;
    }

    /// <summary>All losses so far, as the means of at most <see cref="CurveWidth"/> stretches.</summary>
    private double[] Curve()
    {
        int columns = Math.Min(CurveWidth, _losses.Count);
        double[] curve = new double[columns];
        for (int i = 0; i < columns; i++)
        {
            int first = (int)((long)i * _losses.Count / columns), last = (int)((long)(i + 1) * _losses.Count / columns);
            for (int j = first; j < last; j++) curve[i] += _losses[j] / (last - first);
        }
        return curve;
    }
}
