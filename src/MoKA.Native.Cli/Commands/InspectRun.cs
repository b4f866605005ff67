using System.Text.Json;
using MoKA.Native.Checkpoints;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Cli.Commands;

/// <summary>The inside of a run folder: its options, its last metrics and its result.</summary>
internal static class InspectRun
{
    private const int LargestFile = 64 << 20;

    public static Inspection Folder(string path)
    {
        List<Fact> facts = [new("kind", "run folder"), new("path", path)];
        facts.AddRange(Members(path, RunFolder.ConfigFile, Read(Path.Combine(path, RunFolder.ConfigFile))));
        string[] lines = Read(Path.Combine(path, RunFolder.MetricsFile)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.LastOrDefault(line => line.Contains("\"loss\"", StringComparison.Ordinal)) is { } step) facts.Add(Nested("last step", Members(path, RunFolder.MetricsFile, step)));
        if (lines.LastOrDefault(line => line.Contains("held_out_loss", StringComparison.Ordinal)) is { } heldOut) facts.Add(Nested("last held out", Members(path, RunFolder.MetricsFile, heldOut)));
        string result = Path.Combine(path, RunFolder.ResultFile);
        if (File.Exists(result)) facts.Add(Nested("result", Members(path, RunFolder.ResultFile, Read(result)).Where(f => f.Label != "gates")));
        return new Inspection("run", facts);
    }

    private static Fact Nested(string label, IEnumerable<Fact> members)
    {
        Fact[] all = [.. members];
        return new Fact(label, string.Join(", ", all.Select(f => $"{f.Label} {f.Text}")), all);
    }

    private static string Read(string file)
    {
        if (!File.Exists(file)) throw new MokaException($"{Quoted.Plain(file)}: the file is missing; a run folder holds {RunFolder.ConfigFile} and {RunFolder.MetricsFile}.");
        return BoundedFile.ReadText(file, LargestFile);
    }

    private static List<Fact> Members(string folder, string file, string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return [.. document.RootElement.EnumerateObject().Select(m => Fact.Named(m.Name, Value(m.Value), Text(m.Value)))];
        }
        catch (Exception damage) when (damage is JsonException or InvalidOperationException)
        {
            throw new MokaException($"{Quoted.Plain(Path.Combine(folder, file))}: not the JSON of a run ({Quoted.Plain(damage.Message)}).", damage);
        }
    }

    private static string Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => string.Join(", ", value.EnumerateObject().Select(m => $"{Quoted.Plain(m.Name)} {Text(m.Value)}")),
        JsonValueKind.Array => TrainPanel.Grouped(value.EnumerateArray().Select(Text)),
        JsonValueKind.String => Quoted.Plain(value.GetString()),
        _ => Quoted.Plain(value.GetRawText()),
    };

    private static object Value(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().Select(m => Fact.Named(m.Name, Value(m.Value))).ToArray(),
        JsonValueKind.Array => value.EnumerateArray().Select(Value).ToArray(),
        JsonValueKind.Number => value.TryGetInt64(out long whole) ? whole : value.GetDouble(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => value.ToString(),
    };
}
