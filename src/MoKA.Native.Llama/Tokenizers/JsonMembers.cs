using System.Text.Json;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>Looks into JSON from outside; what is not as it must be is an error that says so.</summary>
internal static class JsonMembers
{
    /// <summary>A member that must be there.</summary>
    public static JsonElement Member(this JsonElement parent, string name, JsonValueKind kind)
    {
        JsonElement value = parent.Optional(name) ?? default;
        Require(value.ValueKind == kind, $"{name} must be {kind switch
        {
            JsonValueKind.Object => "an object",
            JsonValueKind.Array => "an array",
            JsonValueKind.Number => "a number",
            _ => "a string",
        }}");
        return value;
    }

    /// <summary>A member that may be absent or null.</summary>
    public static JsonElement? Optional(this JsonElement parent, string name)
    {
        Require(parent.ValueKind == JsonValueKind.Object, $"an object with {name} is expected");
        return parent.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    /// <summary>A member's text, or null where it is no string.</summary>
    public static string? Text(this JsonElement parent, string name) =>
        parent.Optional(name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <summary>A member's truth, or null where it is neither true nor false.</summary>
    public static bool? Flag(this JsonElement parent, string name) => parent.Optional(name)?.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    /// <summary>The steps of a pipeline member: none if it is null, those of a Sequence, or the one that it is.</summary>
    public static JsonElement[] Steps(this JsonElement root, string name, string list) => root.Optional(name) switch
    {
        null => [],
        { } step when step.Text("type") == "Sequence" => [.. step.Member(list, JsonValueKind.Array).EnumerateArray()],
        { } step => [step],
    };

    /// <summary>Refuses what does not hold.</summary>
    public static void Require(bool holds, string rule)
    {
        if (!holds) throw new MokaException($"{rule}; use the tokenizer of a LLaMA model, or fetch the file again.");
    }
}
