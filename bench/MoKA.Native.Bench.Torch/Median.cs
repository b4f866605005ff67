using System.Diagnostics;
using TorchSharp;

namespace MoKA.Native.Bench.Torch;

/// <summary>Medians of repeated work, in milliseconds.</summary>
internal static class Median
{
    private const double WarmSeconds = 0.3, BatchSeconds = 0.05;

    /// <summary>The median of <paramref name="runs"/> times, each the mean of as many calls as fill a twentieth of a second.</summary>
    public static double Milliseconds(Action work, int runs)
    {
        void Scoped()
        {
            using DisposeScope scope = torch.NewDisposeScope();
            work();
        }
        long start = Stopwatch.GetTimestamp();
        int calls = 0;
        while (calls < 3 || Stopwatch.GetElapsedTime(start).TotalSeconds < WarmSeconds)
        {
            Scoped();
            calls++;
        }
        int batch = Math.Max(1, (int)(BatchSeconds * calls / Stopwatch.GetElapsedTime(start).TotalSeconds));
        double[] times = new double[runs];
        for (int run = 0; run < runs; run++)
        {
            start = Stopwatch.GetTimestamp();
            for (int i = 0; i < batch; i++) Scoped();
            times[run] = Stopwatch.GetElapsedTime(start).TotalMilliseconds / batch;
        }
        return Of(times);
    }

    public static double Of(IEnumerable<double> times)
    {
        double[] sorted = [.. times.Order()];
        return sorted[sorted.Length / 2];
    }
}
