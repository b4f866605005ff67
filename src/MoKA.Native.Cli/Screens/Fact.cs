using System.Text.Json;

namespace MoKA.Native.Cli.Screens;

/// <summary>One thing to tell: a line for a person, and the same for a program.</summary>
/// <param name="Label">What it is about; in JSON in lower case with underscores.</param>
/// <param name="Text">As a person reads it.</param>
/// <param name="Value">As a program reads it: text, a number, a truth value, further facts, or a list of these; the text itself when null.</param>
internal sealed record Fact(string Label, string Text, object? Value = null)
{
    private string? _key;

    /// <summary>A fact whose label is a name from elsewhere and is kept as it is in JSON too.</summary>
    public static Fact Named(string name, object value, string text = "") => new(Diagnostics.Quoted.Plain(name), text, value) { _key = name };

    public static void WriteJson(TextWriter output, IEnumerable<Fact> facts)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter json = new(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            WriteMembers(json, facts);
            json.WriteEndObject();
        }
        output.WriteLine(System.Text.Encoding.UTF8.GetString(buffer.GetBuffer().AsSpan(0, (int)buffer.Length)));
    }

    public static void WriteMembers(Utf8JsonWriter json, IEnumerable<Fact> facts)
    {
        foreach (Fact fact in facts)
        {
            json.WritePropertyName(fact._key ?? fact.Label.ToLowerInvariant().Replace(' ', '_').Replace('-', '_'));
            Write(json, fact.Value ?? fact.Text);
        }
    }

    private static void Write(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case bool truth: json.WriteBooleanValue(truth); break;
            case int number: json.WriteNumberValue(number); break;
            case long number: json.WriteNumberValue(number); break;
            case ulong number: json.WriteNumberValue(number); break;
            case float number: json.WriteNumberValue(number); break;
            case double number: json.WriteNumberValue(number); break;
            case string text: json.WriteStringValue(text); break;
            case IEnumerable<Fact> facts: WriteObject(json, facts); break;
            case System.Collections.IEnumerable list: WriteList(json, list); break;
            default: json.WriteStringValue(value.ToString()); break;
        }
    }

    private static void WriteObject(Utf8JsonWriter json, IEnumerable<Fact> facts)
    {
        json.WriteStartObject();
        WriteMembers(json, facts);
        json.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter json, System.Collections.IEnumerable list)
    {
        json.WriteStartArray();
        foreach (object? item in list) Write(json, item!);
        json.WriteEndArray();
    }
}
