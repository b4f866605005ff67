using System.Diagnostics;

namespace MoKA.Native.Bench;

/// <summary>Medians of repeated work.</summary>
internal static class Timing
{
    private const double BatchSeconds = 0.05;

    /// <summary>The median of <paramref name="runs"/> times, each the mean of as many calls as fill a twentieth of a second.</summary>
    public static double Seconds(Action work, int runs = 15) => Sorted(work, runs)[runs / 2];

    /// <summary>The shortest of those times, for what a machine can do at most.</summary>
    public static double LeastSeconds(Action work, int runs = 15) => Sorted(work, runs)[0];

    private static double[] Sorted(Action work, int runs)
    {
        // Warm-up: long enough for the compiler's second tier.
        long start = Stopwatch.GetTimestamp();
        int calls = 0;
        while (calls < 3 || Stopwatch.GetElapsedTime(start).TotalSeconds < 0.3)
        {
            work();
            calls++;
        }
        int batch = Math.Max(1, (int)(BatchSeconds * calls / Stopwatch.GetElapsedTime(start).TotalSeconds));
        double[] seconds = new double[runs];
        for (int run = 0; run < runs; run++)
        {
            start = Stopwatch.GetTimestamp();
            for (int i = 0; i < batch; i++) work();
            seconds[run] = Stopwatch.GetElapsedTime(start).TotalSeconds / batch;
        }
        Array.Sort(seconds);
        return seconds;
    }
}
