using OxyPlot;

namespace MoKA.Native.Cli.Plots;

/// <summary>Several runs in one picture: the running means of their losses, with held-out losses in the same colour.</summary>
internal static class RunsPlot
{
    // More curves of single steps would hide each other.
    private const int MostWithSteps = 4;
    private const byte Transparent = 56;

    private static readonly OxyColor[] Colors =
    [
        PlotStyle.Strong, PlotStyle.Accent, OxyColor.FromRgb(0x5B, 0x5E, 0xA6), OxyColor.FromRgb(0xB0, 0x3A, 0x5B),
        OxyColor.FromRgb(0x6B, 0x8E, 0x23), OxyColor.FromRgb(0x8C, 0x6D, 0x46), OxyColor.FromRgb(0x2E, 0x86, 0xC1), OxyColor.FromRgb(0x7F, 0x7F, 0x7F),
    ];

    public static void Save(string path, IReadOnlyList<(string Name, RunLosses Losses)> runs, double smoothing)
    {
        PlotModel model = PlotStyle.Losses("");
        for (int i = 0; i < runs.Count && runs.Count <= MostWithSteps && smoothing > 0; i++)
            model.Series.Add(PlotStyle.Curve(null, OxyColor.FromAColor(Transparent, Colors[i % Colors.Length]), 1, runs[i].Losses.Steps));
        for (int i = 0; i < runs.Count; i++)
        {
            OxyColor color = Colors[i % Colors.Length];
            model.Series.Add(PlotStyle.Curve(runs[i].Name, color, smoothing > 0 ? 2.4 : 1.2, PlotStyle.Smooth(runs[i].Losses.Steps, smoothing)));
            if (runs[i].Losses.HeldOut.Count > 0) model.Series.Add(PlotStyle.HeldOut(null, color, runs[i].Losses.HeldOut));
        }
        // One entry explains the dashes of all.
        if (runs.Any(r => r.Losses.HeldOut.Count > 0)) model.Series.Add(PlotStyle.HeldOut("held out", PlotStyle.Ink, []));
        PlotStyle.Save(path, model);
    }
}
