using System.Text.Json;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Data;

/// <summary>
/// Reads Alpaca records: a JSON array (<c>.json</c>) or one JSON object a line (<c>.jsonl</c>). Each record has the
/// strings <c>instruction</c>, <c>input</c> (may be empty) and <c>output</c>, and may have <c>answer</c>; other fields
/// are passed over.
/// </summary>
public static class AlpacaReader
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Reads all records of a file, at least one.</summary>
    /// <exception cref="MokaException">The file is missing, empty, damaged or too large; the record and field are named.</exception>
    public static IReadOnlyList<AlpacaRecord> Read(string path)
    {
        bool lines = Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".json" => false,
            ".jsonl" => true,
            _ => throw new MokaException($"{Quoted.Plain(path)}: instruction data must be a .json array or a .jsonl file; rename it to what it is."),
        };
        return Parse(BoundedFile.ReadUtf8(path, TextFile.MaxFileBytes), path, lines);
    }

    internal static List<AlpacaRecord> Parse(ReadOnlyMemory<byte> json, string name, bool lines)
    {
        List<AlpacaRecord> records = [];
        if (lines)
        {
            ParseLines(json, name, records);
        }
        else
        {
            ParseArray(json, name, records);
        }

        return records.Count > 0 ? records : throw new MokaException($"{Quoted.Plain(name)}: must hold at least one record, got none; check that it is the right file.");
    }

    private static void ParseArray(ReadOnlyMemory<byte> json, string name, List<AlpacaRecord> records)
    {
        using JsonDocument document = ParseJson(json, $"{Quoted.Plain(name)}:");
        if (document.RootElement.ValueKind != JsonValueKind.Array)
        {
            throw new MokaException($"{Quoted.Plain(name)}: must be a JSON array of records; name it .jsonl if each line is a record.");
        }

        foreach (JsonElement element in document.RootElement.EnumerateArray())
        {
            records.Add(ReadRecord(element, $"{Quoted.Plain(name)}: record {records.Count + 1}:"));
        }
    }

    private static void ParseLines(ReadOnlyMemory<byte> json, string name, List<AlpacaRecord> records)
    {
        foreach (Range range in json.Span.Split((byte)'\n'))
        {
            ReadOnlyMemory<byte> line = json[range];
            if (line.Span.Trim(" \t\r"u8).IsEmpty)
            {
                continue;
            }

            string place = $"{Quoted.Plain(name)}: record {records.Count + 1}:";
            using JsonDocument document = ParseJson(line, place);
            records.Add(ReadRecord(document.RootElement, place));
        }
    }

    private static JsonDocument ParseJson(ReadOnlyMemory<byte> json, string place)
    {
        try
        {
            return JsonDocument.Parse(json, Strict);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new MokaException($"{place} is not valid JSON ({Quoted.Plain(e.Message)}); write the file anew.", e);
        }
    }

    private static AlpacaRecord ReadRecord(JsonElement element, string place)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw new MokaException($"{place} must be an object, got {Kind(element)}; use the fields instruction, input and output.");
        }

        string? answer = element.TryGetProperty("answer", out JsonElement value) ? Text(value, "answer", place) : null;
        return new AlpacaRecord(Required("instruction"), Required("input"), Required("output"), answer);

        string Required(string field) => element.TryGetProperty(field, out JsonElement value)
            ? Text(value, field, place)
            : throw new MokaException($"{place} field {field} is missing; give it as a string, \"\" if there is none.");
    }

    private static string Text(JsonElement value, string field, string place)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            throw new MokaException($"{place} field {field} must be a string, got {Kind(value)}; write it in quotes.");
        }

        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new MokaException($"{place} field {field} is not valid Unicode; save the file as UTF-8.", e);
        }
    }

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "a truth value",
    };
}
