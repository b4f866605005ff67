using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace StoryWorld;

/// <summary>Writes records in Alpaca form: a JSON array with a record a line.</summary>
internal static class TaskFile
{
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string ToJson(IReadOnlyList<StoryRecord> records) => $"[\n{string.Join(",\n", records.Select(ToJson))}\n]\n";

    private static string ToJson(StoryRecord record)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, Compact))
        {
            json.WriteStartObject();
            json.WriteString("instruction", record.Question);
            json.WriteString("input", record.Story);
            json.WriteString("output", record.Answer);
            json.WriteString("answer", record.Answer);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
