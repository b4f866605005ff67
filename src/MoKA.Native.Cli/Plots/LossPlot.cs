using MoKA.Native.Checkpoints;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace MoKA.Native.Cli.Plots;

/// <summary>The picture of a run: the loss of every step, its running mean, and the loss on held-out data.</summary>
internal static class LossPlot
{
    private const double Width = 860;
    private const double Height = 460;
    private const double Smoothing = 0.92;
    private static readonly OxyColor Faint = OxyColor.FromRgb(0xB8, 0xD8, 0xD8);
    private static readonly OxyColor Strong = OxyColor.FromRgb(0x1B, 0x7F, 0x86);
    private static readonly OxyColor Accent = OxyColor.FromRgb(0xD9, 0x6C, 0x2C);
    private static readonly OxyColor Lines = OxyColor.FromRgb(0xE6, 0xE9, 0xEC);
    private static readonly OxyColor Ink = OxyColor.FromRgb(0x3A, 0x44, 0x4E);

    public static void Save(string path, string title, IReadOnlyList<(long Step, double Loss)> steps, IReadOnlyList<(long Step, double Loss)> heldOut)
    {
        PlotModel model = new()
        {
            Title = title,
            TitleFontSize = 15,
            TitleFontWeight = FontWeights.Normal,
            DefaultFont = "sans-serif",
            TextColor = Ink,
            Background = OxyColors.White,
            PlotAreaBorderThickness = new OxyThickness(0),
            Padding = new OxyThickness(12, 10, 20, 8),
        };
        model.Axes.Add(Axis(AxisPosition.Bottom, "step", 0));
        model.Axes.Add(Axis(AxisPosition.Left, "loss, nats a token", 0));
        model.Legends.Add(new Legend { LegendPosition = LegendPosition.RightTop, LegendBorderThickness = 0, LegendLineSpacing = 8, LegendTextColor = Ink });
        model.Series.Add(Curve("each step", Faint, 1, steps));
        model.Series.Add(Curve("running mean", Strong, 2.4, Smooth(steps)));
        if (heldOut.Count > 0)
        {
            LineSeries points = Curve("held out", Accent, 1.6, heldOut);
            (points.MarkerType, points.MarkerSize, points.MarkerFill, points.LineStyle) = (MarkerType.Circle, 4.5, Accent, LineStyle.Dash);
            model.Series.Add(points);
        }
        AtomicFile.Write(path, stream => new SvgExporter { Width = Width, Height = Height }.Export(model, stream));
    }

    private static LinearAxis Axis(AxisPosition position, string title, double minimum) => new()
    {
        Position = position,
        Title = title,
        Minimum = minimum,
        MajorGridlineStyle = position == AxisPosition.Left ? LineStyle.Solid : LineStyle.None,
        MajorGridlineColor = Lines,
        AxislineStyle = LineStyle.Solid,
        AxislineColor = Lines,
        TicklineColor = Lines,
        MinorTickSize = 0,
        MaximumPadding = 0.02,
    };

    private static LineSeries Curve(string title, OxyColor color, double thickness, IEnumerable<(long Step, double Loss)> points)
    {
        LineSeries series = new() { Title = title, Color = color, StrokeThickness = thickness, LineJoin = LineJoin.Round };
        series.Points.AddRange(points.Select(p => new DataPoint(p.Step, p.Loss)));
        return series;
    }

    /// <summary>An exponential running mean, corrected for its start.</summary>
    private static IEnumerable<(long Step, double Loss)> Smooth(IEnumerable<(long Step, double Loss)> steps)
    {
        double mean = 0, weight = 0;
        foreach ((long step, double loss) in steps)
        {
            (mean, weight) = (Smoothing * mean + (1 - Smoothing) * loss, Smoothing * weight + (1 - Smoothing));
            yield return (step, mean / weight);
        }
    }
}
