using MoKA.Native.Bench.Steps;
using static MoKA.Native.Bench.Tables.Markdown;

namespace MoKA.Native.Bench.Tables;

/// <summary>How a MoKA step grows: with threads, sequence length, width and filters.</summary>
internal static class ScalingTable
{
    private const int Steps = 5;

    public static string Measure()
    {
        Markdown text = new("How a training step scales", "MoKA with 4 filters on all seven linear maps unless said, frozen float base of 110M shape, 2 threads unless said, medians of 5 steps, a process for each row.");
        text.Section("Threads");
        text.Head("adapter", "1 thread, tokens/s", "2 threads, tokens/s", "gain");
        foreach (string name in (string[])["lora-all", "moka4-all"])
        {
            (double one, double two) = (TokensPerSecond(new StepRun(name, Threads: 1, Steps: Steps)), TokensPerSecond(new StepRun(name, Steps: Steps)));
            text.Row(name, Number(one, 0), Number(two, 0), Times(two / one));
        }

        text.Section("Tokens");
        Grow(text, "one sequence of", from length in (int[])[256, 512, 1024, 2048, 4096] select ($"{length} tokens", new StepRun("moka4-all", Steps: 3, Length: length, Batch: 1)));
        text.Section("Width");
        Grow(text, "4 layers of width", from width in (int[])[384, 768, 1536] select ($"{width}", new StepRun("moka4-all", Steps: Steps, Hidden: width, Layers: 4)));
        text.Section("Filters");
        Grow(text, "filters", from filters in (int[])[1, 2, 4, 8] select ($"{filters}", new StepRun($"moka{filters}-all", Steps: Steps)));
        return text.ToString();
    }

    private static void Grow(Markdown text, string what, IEnumerable<(string Says, StepRun Run)> rows)
    {
        text.Head(what, "ms", "tokens/s", "10⁹ operations", "GFLOP/s", "memory");
        foreach ((string says, StepRun run) in rows)
        {
            StepResult r = run.Measure();
            text.Row(says, Number(r.Milliseconds, 0), Number(run.Tokens / r.Seconds, 0), Number(r.Gigaflop, 0), Number(r.Gigaflop / r.Seconds, 0), Megabytes(r.PeakBytes));
        }
    }

    private static double TokensPerSecond(StepRun run) => run.Tokens / run.Measure().Seconds;
}
