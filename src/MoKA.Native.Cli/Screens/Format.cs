namespace MoKA.Native.Cli.Screens;

/// <summary>Numbers as people read them, the same in every culture.</summary>
internal static class Format
{
    private const string Levels = "▁▂▃▄▅▆▇█";

    public static string Count(double number) => number switch
    {
        >= 1e9 => Invariant($"{number / 1e9:0.00} G"),
        >= 1e6 => Invariant($"{number / 1e6:0.00} M"),
        _ => Invariant($"{number:#,0}"),
    };

    public static string Bytes(double bytes) => bytes switch
    {
        >= 1e9 => Invariant($"{bytes / 1e9:0.00} GB"),
        >= 1e7 => Invariant($"{bytes / 1e6:0} MB"),
        >= 1e6 => Invariant($"{bytes / 1e6:0.0} MB"),
        _ => Invariant($"{bytes / 1e3:0.0} kB"),
    };

    public static string Percent(double share) => Invariant($"{100 * share:0.0} %");

    public static string Loss(double nats) => Invariant($"{nats:0.0000}");

    public static string Number(double number) => Invariant($"{number:0.######}");

    public static string Rate(float rate) => Invariant($"{rate:0.00e-0}");

    public static string Time(double seconds)
    {
        TimeSpan time = TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 1e8));
        return time.TotalHours >= 1 ? Invariant($"{(int)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}") : Invariant($"{time.Minutes}:{time.Seconds:00}");
    }

    /// <summary>A bar of the given width for a share in [0, 1].</summary>
    public static string Bar(double share, int width = 20)
    {
        int full = (int)Math.Round(Math.Clamp(share, 0, 1) * width);
        return new string('█', full) + new string('░', width - full);
    }

    /// <summary>One small column for each number, from <paramref name="floor"/> or the least number up to the largest.</summary>
    public static string Sparks(IReadOnlyList<double> numbers, double? floor = null)
    {
        if (numbers.Count == 0) return "";
        double least = floor ?? numbers.Min(), range = Math.Max(numbers.Max() - least, 1e-12);
        return string.Concat(numbers.Select(n => Levels[Math.Clamp((int)((n - least) / range * (Levels.Length - 1) + 0.5), 0, Levels.Length - 1)]));
    }

    public static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    /// <summary>Text from a model or a file on one line without control characters.</summary>
    public static string Line(string text) => Diagnostics.Quoted.Plain(text.ReplaceLineEndings(" / "));

}
