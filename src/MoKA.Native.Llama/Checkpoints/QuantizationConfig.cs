using System.Text.Json;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// The <c>quantization_config</c> of a config.json: bitsandbytes' for NF4 and FP4, which other tools read too, and this
/// library's own for ggml's blocks.
/// </summary>
internal static class QuantizationConfig
{
    private const string Own = "moka", BitsAndBytes = "bitsandbytes";

    /// <summary>What errors offer.</summary>
    public const string Supported = "quant_method bitsandbytes with load_in_4bit and nf4 or fp4, or quant_method moka with type q4_0 or q8_0";

    /// <summary>How the linears are stored, or nothing when the object asks for something else.</summary>
    public static WeightStorage? Read(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object) return null;
        return Text(value, "quant_method") switch
        {
            Own => Text(value, "type") switch { "q4_0" => WeightStorage.Q4_0, "q8_0" => WeightStorage.Q8_0, _ => null },
            BitsAndBytes when True(value, "load_in_4bit") || True(value, "_load_in_4bit") => (Text(value, "bnb_4bit_quant_type"), True(value, "bnb_4bit_use_double_quant")) switch
            {
                ("nf4", false) => WeightStorage.NF4,
                ("nf4", true) => WeightStorage.NF4Double,
                // bitsandbytes' default is fp4.
                ("fp4" or null, false) => WeightStorage.FP4,
                ("fp4" or null, true) => WeightStorage.FP4Double,
                _ => null,
            },
            _ => null,
        };
    }

    /// <summary>Writes the key and its object.</summary>
    public static void Write(Utf8JsonWriter writer, LlamaConfig config)
    {
        writer.WriteStartObject("quantization_config");
        if (config.LinearStorage is WeightStorage.Q4_0 or WeightStorage.Q8_0)
        {
            writer.WriteString("quant_method", Own);
            writer.WriteString("type", config.LinearStorage == WeightStorage.Q4_0 ? "q4_0" : "q8_0");
        }
        else
        {
            writer.WriteString("quant_method", BitsAndBytes);
            writer.WriteBoolean("load_in_4bit", true);
            writer.WriteBoolean("load_in_8bit", false);
            writer.WriteString("bnb_4bit_quant_type", config.LinearStorage is WeightStorage.NF4 or WeightStorage.NF4Double ? "nf4" : "fp4");
            writer.WriteBoolean("bnb_4bit_use_double_quant", config.LinearStorage.IsNested());
            writer.WriteString("bnb_4bit_compute_dtype", WeightWriter.DtypeName(config.TableStorage));
        }
        writer.WriteEndObject();
    }

    private static string? Text(JsonElement value, string key) => value.TryGetProperty(key, out JsonElement text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;

    private static bool True(JsonElement value, string key) => value.TryGetProperty(key, out JsonElement flag) && flag.ValueKind == JsonValueKind.True;
}
