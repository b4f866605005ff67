using System.Text.Json;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Cli.Plots;

/// <summary>The losses of a run, read from its metrics.</summary>
/// <param name="Steps">Of every step.</param>
/// <param name="HeldOut">On held-out data, where it was measured.</param>
internal sealed record RunLosses(IReadOnlyList<(long Step, double Loss)> Steps, IReadOnlyList<(long Step, double Loss)> HeldOut)
{
    private const int LargestFile = 256 << 20;

    public static RunLosses Read(string folder)
    {
        string file = Path.Combine(folder, RunFolder.MetricsFile), shown = Quoted.Plain(file);
        List<(long, double)> steps = [], heldOut = [];
        string[] lines = BoundedFile.ReadText(file, LargestFile).Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (string.IsNullOrWhiteSpace(lines[i])) continue;
            try
            {
                using JsonDocument line = JsonDocument.Parse(lines[i]);
                Add(line.RootElement, "loss", steps);
                Add(line.RootElement, "held_out_loss", heldOut);
            }
            catch (Exception damage) when (damage is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
            {
                throw new MokaException($"{shown}: line {i + 1} must be a JSON object with a step and a finite loss, got {Quoted.Name(lines[i])}; take the file from the run again.", damage);
            }
        }
        return steps.Count > 0 ? new RunLosses(steps, heldOut) : throw new MokaException($"{shown}: a run to be drawn must have at least one step, got none; let it train longer.");
    }

    private static void Add(JsonElement line, string member, List<(long, double)> to)
    {
        if (!line.TryGetProperty(member, out JsonElement value)) return;
        double loss = value.GetDouble();
        to.Add(double.IsFinite(loss) ? (line.GetProperty("step").GetInt64(), loss) : throw new FormatException());
    }
}
