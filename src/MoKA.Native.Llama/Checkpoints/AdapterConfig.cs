using System.Text.Json;
using System.Text.RegularExpressions;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// An <c>adapter_config.json</c> as it was read. Asking for a key of the wrong kind is an error that names it; keys that
/// nobody asks for are ignored, as PEFT does.
/// </summary>
internal sealed class AdapterConfig
{
    private const int LargestFile = 1 << 20;
    private readonly string _path;
    private readonly JsonElement _root;

    private AdapterConfig(string path, byte[] bytes, JsonElement root) => (_path, Bytes, _root) = (path, bytes, root);

    /// <summary>The file as it was.</summary>
    public byte[] Bytes { get; }

    /// <summary>What kind of adapter it describes.</summary>
    public string PeftType => Text("peft_type") ?? throw new MokaException($"{_path}: an adapter's description must have a peft_type, got none; check that it is an adapter of PEFT or of this library.");

    /// <summary>The base as it was named when training.</summary>
    public string BaseModel => Text("base_model_name_or_path") ?? "";

    public static AdapterConfig Read(string path)
    {
        byte[] bytes = BoundedFile.Read(path, LargestFile);
        string shown = Quoted.Plain(path);
        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new AdapterConfig(shown, bytes, document.RootElement.Clone())
                : throw new MokaException($"{shown}: an adapter's description must be a JSON object, got {document.RootElement.ValueKind}; write the adapter again or take it from its source.");
        }
        // The second is how the library reports text that is not UTF-8 or not whole.
        catch (Exception damage) when (damage is JsonException or InvalidOperationException)
        {
            throw new MokaException($"{shown}: not a readable description ({Quoted.Plain(damage.Message)}); write the adapter again or take it from its source.", damage);
        }
    }

    public string? Text(string key) => Has(key, out JsonElement value) ? Get(key, value, JsonValueKind.String, "text", v => v.GetString()!) : null;

    public bool Flag(string key) => Has(key, out JsonElement value) && (value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(key, "true or false", value));

    public int? Whole(string key) => Has(key, out JsonElement value) ? value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int whole) ? whole : throw Wrong(key, "a whole number", value) : null;

    public float? Number(string key) => Has(key, out JsonElement value) ? Number(key, value) : null;

    /// <summary>An object inside, to be asked for its own members.</summary>
    public AdapterConfig? Member(string key) => Has(key, out JsonElement value) ? value.ValueKind == JsonValueKind.Object ? new AdapterConfig(_path, Bytes, value) : throw Wrong(key, "an object", value) : null;

    /// <summary>The whole numbers of a list, or null.</summary>
    public IReadOnlyList<int>? Wholes(string key)
    {
        if (!Has(key, out JsonElement list)) return null;
        if (list.ValueKind != JsonValueKind.Array) throw Wrong(key, "a list of whole numbers", list);
        return [.. list.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.Number && e.TryGetInt32(out int whole) ? whole : throw Wrong(key, "a list of whole numbers", list))];
    }

    /// <summary>A number that must be there.</summary>
    public float RequiredNumber(string key) => Number(key) ?? throw Missing(key);

    /// <summary>A whole number that must be there.</summary>
    public int RequiredWhole(string key) => Whole(key) ?? throw Missing(key);

    /// <summary>The texts of a list, or none.</summary>
    public IReadOnlyList<string> List(string key)
    {
        if (!Has(key, out JsonElement list)) return [];
        if (list.ValueKind != JsonValueKind.Array) throw Wrong(key, "a list", list);
        return [.. list.EnumerateArray().Select(e => Get(key, e, JsonValueKind.String, "a list of texts", v => v.GetString()!))];
    }

    /// <summary>
    /// The kinds of module that target_modules lists; none when it is a text, PEFT's other spelling, whose meaning the tensors
    /// show anyway.
    /// </summary>
    public IReadOnlyList<string> Targets()
    {
        const string Key = "target_modules";
        if (!Has(Key, out JsonElement targets) || targets.ValueKind == JsonValueKind.String) return [];
        IReadOnlyList<string> named = List(Key);
        if (named.Count == 0) throw Error($"{Key}: Targets must name at least one projection, got an empty list.");
        return [.. named.Select(name => name[(name.LastIndexOf('.') + 1)..]).Distinct()];
    }

    /// <summary>
    /// The number of the first pattern that a module's name ends with, or nothing; a pattern is a regular expression over whole
    /// parts of the name, as PEFT reads it.
    /// </summary>
    public float? Pattern(string key, string module)
    {
        if (!Has(key, out JsonElement patterns)) return null;
        if (patterns.ValueKind != JsonValueKind.Object) throw Wrong(key, "an object", patterns);
        foreach (JsonProperty pattern in patterns.EnumerateObject())
            if (Matches(key, pattern.Name, module)) return Number(key, pattern.Value);
        return null;
    }

    /// <summary>Throws when a setting that changes what an adapter computes is not what is supported.</summary>
    public void RequireAbsent(params ReadOnlySpan<string> keys)
    {
        foreach (string key in keys)
        {
            if (!Has(key, out JsonElement value)) continue;
            bool harmless = value.ValueKind switch
            {
                JsonValueKind.False => true,
                JsonValueKind.Array => value.GetArrayLength() == 0,
                JsonValueKind.Object => !value.EnumerateObject().Any(),
                JsonValueKind.String => value.ValueEquals("none"),
                JsonValueKind.Number => value.TryGetDouble(out double number) && number == 0,
                _ => false,
            };
            if (!harmless) throw new MokaException($"{_path}: {key} {Raw(value)} is not supported; use an adapter without it.");
        }
    }

    /// <summary>An error about this file.</summary>
    public MokaException Error(string message) => new($"{_path}: {message}");

    private bool Has(string key, out JsonElement value) => _root.TryGetProperty(key, out value) && value.ValueKind != JsonValueKind.Null;

    private float Number(string key, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out float number) && float.IsFinite(number) ? number : throw Wrong(key, "a finite number", value);

    private T Get<T>(string key, JsonElement value, JsonValueKind kind, string rule, Func<JsonElement, T> read)
    {
        if (value.ValueKind != kind) throw Wrong(key, rule, value);
        try
        {
            return read(value);
        }
        // An escaped half of a surrogate pair.
        catch (InvalidOperationException)
        {
            throw Wrong(key, "text", value);
        }
    }

    private bool Matches(string key, string pattern, string module)
    {
        try
        {
            // This engine takes linear time whatever the pattern is.
            return Regex.IsMatch(module, $@"^(.*\.)?({pattern})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new MokaException($"{_path}: {key} must name modules by regular expressions, got {Quoted.Name(pattern)}; write the modules' names.", e);
        }
    }

    private static string Raw(JsonElement value)
    {
        try
        {
            return Quoted.Plain(value.GetRawText());
        }
        // Text that is not UTF-8.
        catch (InvalidOperationException)
        {
            return "what is not text";
        }
    }

    private MokaException Missing(string key) => new($"{_path}: the description must have {key}, got nothing; write the adapter again or take it from its source.");

    private MokaException Wrong(string key, string rule, JsonElement value) => new($"{_path}: not a readable description: {key} must be {rule}, got {Raw(value)}; write the adapter again or take it from its source.");
}
