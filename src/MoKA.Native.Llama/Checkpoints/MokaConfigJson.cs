using System.Text.Json;
using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>What an adapter's description says.</summary>
internal sealed record MokaConfig(MokaOptions Options, AdapterTargets Targets, string BaseModel, string BaseHash);

/// <summary>Reads and writes <c>adapter_config.json</c> of a MoKA adapter.</summary>
internal static class MokaConfigJson
{
    private const int LargestFile = 1 << 20;

    public static void Write(string path, MokaConfig config) => AtomicFile.Write(path, stream =>
    {
        using Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("base_model_name_or_path", config.BaseModel);
        json.WriteString("base_model_sha256", config.BaseHash);
        json.WriteNumber("dropout", config.Options.Dropout);
        json.WriteNumber("filters", config.Options.Shapes.Count > 0 ? config.Options.Shapes.Count : config.Options.Filters);
        json.WriteNumber("gate_temperature", config.Options.Temperature);
        json.WriteBoolean("gated", config.Options.Gated);
        json.WriteBoolean("inference_mode", true);
        json.WriteString("peft_type", "MOKA");
        json.WriteNumber("scale", config.Options.Scale);
        json.WriteStartArray("target_modules");
        foreach (string kind in config.Targets.Kinds) json.WriteStringValue(kind == AdapterTargets.Everything ? kind : HuggingFaceNames.TargetModule(kind));
        json.WriteEndArray();
        json.WriteString("task_type", "CAUSAL_LM");
        json.WriteEndObject();
    });

    public static MokaConfig Read(string path)
    {
        if (!File.Exists(path)) throw new MokaException($"{path}: the file is missing; an adapter folder holds {MokaFolder.ConfigFile} and {MokaFolder.WeightsFile}.");
        byte[] json = BoundedFile.Read(path, LargestFile);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return Parse(document.RootElement);
        }
        catch (MokaException rule)
        {
            throw new MokaException($"{path}: {rule.Message}", rule);
        }
        catch (Exception damage) when (damage is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw new MokaException($"{path}: not a readable MoKA description ({Quoted.Plain(damage.Message)}); write the adapter again or take it from its source.", damage);
        }
    }

    private static MokaConfig Parse(JsonElement root)
    {
        string type = root.TryGetProperty("peft_type", out JsonElement t) ? t.GetString() ?? "" : "";
        if (type != "MOKA") throw new MokaException($"the adapter's peft_type must be MOKA, got {Quoted.Name(type)}; this engine reads no other kind.");
        MokaOptions options = new()
        {
            Filters = root.GetProperty("filters").GetInt32(),
            Scale = root.GetProperty("scale").GetSingle(),
            Dropout = root.GetProperty("dropout").GetSingle(),
            Temperature = root.GetProperty("gate_temperature").GetSingle(),
            Gated = root.GetProperty("gated").GetBoolean(),
        };
        options.Validate();
        IEnumerable<string> kinds = root.GetProperty("target_modules").EnumerateArray().Select(e => HuggingFaceNames.KindOfTarget(e.GetString() ?? ""));
        return new MokaConfig(options, AdapterTargets.Parse(string.Join(',', kinds)), root.GetProperty("base_model_name_or_path").GetString() ?? "", root.GetProperty("base_model_sha256").GetString() ?? "");
    }
}
