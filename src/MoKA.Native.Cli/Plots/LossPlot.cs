using OxyPlot;

namespace MoKA.Native.Cli.Plots;

/// <summary>The picture of a run: the loss of every step, its running mean, and the loss on held-out data.</summary>
internal static class LossPlot
{
    public static void Save(string path, string title, IReadOnlyList<(long Step, double Loss)> steps, IReadOnlyList<(long Step, double Loss)> heldOut, double smoothing = PlotStyle.Smoothing)
    {
        PlotModel model = PlotStyle.Losses(title);
        model.Series.Add(PlotStyle.Curve("each step", PlotStyle.Faint, 1, steps));
        if (smoothing > 0) model.Series.Add(PlotStyle.Curve("running mean", PlotStyle.Strong, 2.4, PlotStyle.Smooth(steps, smoothing)));
        if (heldOut.Count > 0) model.Series.Add(PlotStyle.HeldOut("held out", PlotStyle.Accent, heldOut));
        PlotStyle.Save(path, model);
    }
}
