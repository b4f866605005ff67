using MoKA.Native.Checkpoints;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace MoKA.Native.Cli.Plots;

/// <summary>What all pictures have in common: colours, fonts, axes, and how they are written.</summary>
internal static class PlotStyle
{
    public const double Width = 860, Height = 460;

    /// <summary>How much of the running mean a step keeps.</summary>
    public const float Smoothing = 0.92f;

    public static readonly OxyColor Faint = OxyColor.FromRgb(0xB8, 0xD8, 0xD8), Strong = OxyColor.FromRgb(0x1B, 0x7F, 0x86), Accent = OxyColor.FromRgb(0xD9, 0x6C, 0x2C);
    public static readonly OxyColor Lines = OxyColor.FromRgb(0xE6, 0xE9, 0xEC), Ink = OxyColor.FromRgb(0x3A, 0x44, 0x4E);

    public static PlotModel Model(string title) => new()
    {
        Title = title,
        TitleFontSize = 15,
        TitleFontWeight = FontWeights.Normal,
        DefaultFont = "sans-serif",
        TextColor = Ink,
        Background = OxyColors.White,
        PlotAreaBorderThickness = new OxyThickness(0),
        Padding = new OxyThickness(12, 20, 20, 8),
    };

    /// <summary>An empty picture of losses over steps.</summary>
    public static PlotModel Losses(string title)
    {
        PlotModel model = Model(title);
        model.Axes.Add(Axis(AxisPosition.Bottom, "step", 0));
        model.Axes.Add(Axis(AxisPosition.Left, "loss, nats a token", 0));
        model.Legends.Add(new Legend { LegendPosition = LegendPosition.RightTop, LegendBorderThickness = 0, LegendLineSpacing = 8, LegendTextColor = Ink });
        return model;
    }

    public static LinearAxis Axis(AxisPosition position, string title, double minimum) => new()
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

    public static LineSeries Curve(string? title, OxyColor color, double thickness, IEnumerable<(long Step, double Loss)> points)
    {
        LineSeries series = new() { Title = title, RenderInLegend = title is not null, Color = color, StrokeThickness = thickness, LineJoin = LineJoin.Round };
        series.Points.AddRange(points.Select(p => new DataPoint(p.Step, p.Loss)));
        return series;
    }

    /// <summary>The few points of held-out losses, joined by dashes.</summary>
    public static LineSeries HeldOut(string? title, OxyColor color, IEnumerable<(long Step, double Loss)> points)
    {
        LineSeries series = Curve(title, color, 1.6, points);
        (series.MarkerType, series.MarkerSize, series.MarkerFill, series.LineStyle) = (MarkerType.Circle, 4.5, color, LineStyle.Dash);
        return series;
    }

    /// <summary>An exponential running mean, corrected for its start.</summary>
    public static IEnumerable<(long Step, double Loss)> Smooth(IEnumerable<(long Step, double Loss)> steps, double smoothing)
    {
        double mean = 0, weight = 0;
        foreach ((long step, double loss) in steps)
        {
            (mean, weight) = (smoothing * mean + (1 - smoothing) * loss, smoothing * weight + (1 - smoothing));
            yield return (step, mean / weight);
        }
    }

    public static void Save(string path, PlotModel model, double height = Height) =>
        AtomicFile.Write(path, stream => new SvgExporter { Width = Width, Height = height, TextMeasurer = new GenerousText(Width, height) }.Export(model, stream));

    /// <summary>Texts take more room than the narrow font by which they are measured, so that none is cut off in a wider one.</summary>
    private sealed class GenerousText(double width, double height) : PdfRenderContext(width, height, OxyColors.White)
    {
        private const double Wider = 1.36;

        public override OxySize MeasureText(string text, string fontFamily, double fontSize, double fontWeight)
        {
            OxySize size = base.MeasureText(text, fontFamily, fontSize, fontWeight);
            return new OxySize(Wider * size.Width, size.Height);
        }
    }
}
