using System.Globalization;

namespace MoKA.Native.Bench.Torch;

/// <summary>The process's memory.</summary>
internal static class Memory
{
    /// <summary>The largest resident set so far.</summary>
    public static long PeakBytes()
    {
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture);
    }
}
