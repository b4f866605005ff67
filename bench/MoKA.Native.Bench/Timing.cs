using System.Diagnostics;

namespace MoKA.Native.Bench;

/// <summary>Medians of repeated work.</summary>
internal static class Timing
{
    private const double BatchSeconds = 0.05;

    /// <summary>The median of <paramref name="runs"/> times, each the mean of as many calls as fill a twentieth of a second.</summary>
    public static double Seconds(Action work, int runs = 15) => Sorted([work], runs)[0][runs / 2];

    /// <summary>The medians of works that take turns, run by run: what else the machine does meets all of them, and their ratios little.</summary>
    public static double[] SecondsInTurn(Action[] works, int runs = 15) => [.. Sorted(works, runs).Select(seconds => seconds[runs / 2])];

    /// <summary>The shortest of those times, for what a machine can do at most.</summary>
    public static double LeastSeconds(Action work, int runs = 15) => Sorted([work], runs)[0][0];

    private static double[][] Sorted(Action[] works, int runs)
    {
        int[] batches = [.. works.Select(WarmUp)];
        double[][] seconds = [.. works.Select(_ => new double[runs])];
        for (int run = 0; run < runs; run++)
            for (int work = 0; work < works.Length; work++)
            {
                long start = Stopwatch.GetTimestamp();
                for (int i = 0; i < batches[work]; i++) works[work]();
                seconds[work][run] = Stopwatch.GetElapsedTime(start).TotalSeconds / batches[work];
            }
        foreach (double[] times in seconds) Array.Sort(times);
        return seconds;
    }

    /// <summary>Long enough for the compiler's second tier. Gives the calls of a batch.</summary>
    private static int WarmUp(Action work)
    {
        long start = Stopwatch.GetTimestamp();
        int calls = 0;
        while (calls < 3 || Stopwatch.GetElapsedTime(start).TotalSeconds < 0.3)
        {
            work();
            calls++;
        }
        return Math.Max(1, (int)(BatchSeconds * calls / Stopwatch.GetElapsedTime(start).TotalSeconds));
    }
}
