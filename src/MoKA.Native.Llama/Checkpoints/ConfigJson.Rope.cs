using System.Text.Json;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Checkpoints;

/// <content>
/// The rotary settings. transformers 5 moved base and scaling into <c>rope_parameters</c>; older files have
/// <c>rope_theta</c> beside <c>rope_scaling</c>, whose <c>rope_type</c> the oldest call <c>type</c>.
/// </content>
public sealed partial class ConfigJson
{
    private (float Theta, RopeScaling? Scaling) ReadRope()
    {
        float theta = Float(_root, "rope_theta", 10000f);
        RopeScaling? scaling = null;
        foreach (string key in (ReadOnlySpan<string>)["rope_scaling", "rope_parameters"])
        {
            if (!Present(key, out JsonElement rope)) continue;
            if (rope.ValueKind != JsonValueKind.Object) throw Error($"{key} must be an object or null", rope, "fetch the file again");
            scaling = ReadScaling(key, rope) ?? scaling;
            theta = Float(rope, "rope_theta", theta);
        }
        return (theta, scaling);
    }

    private RopeScaling? ReadScaling(string key, JsonElement rope)
    {
        string spelling = rope.TryGetProperty("rope_type", out JsonElement type) ? "rope_type" : "type";
        if (spelling == "type" && !rope.TryGetProperty("type", out type)) return null;
        if (Is(type, "default")) return null;
        if (Is(type, "linear")) return new LinearRopeScaling(Required("factor"));
        if (!Is(type, "llama3")) throw Unsupported($"{key}.{spelling}", type, "default, linear or llama3");
        int original = rope.TryGetProperty("original_max_position_embeddings", out JsonElement positions)
            ? Int($"{key}.original_max_position_embeddings", positions)
            : throw Absent("original_max_position_embeddings");
        return new Llama3RopeScaling(Required("factor"), Required("low_freq_factor"), Required("high_freq_factor"), original);

        float Required(string member) => rope.TryGetProperty(member, out _) ? Float(rope, member, 0) : throw Absent(member);
        MokaException Absent(string member) => new($"{_path}: {key} of {spelling} {Quoted.Plain(type.GetRawText())} must have {member}, got nothing; fetch the file again.");
    }

    private static void WriteRopeScaling(Utf8JsonWriter writer, LlamaConfig config)
    {
        switch (config.RopeScaling is ListedRopeScaling listed ? listed.AsLlama3(config.HeadDim, config.RopeTheta) ?? config.RopeScaling : config.RopeScaling)
        {
            case null:
                writer.WriteNull("rope_scaling");
                break;
            case LinearRopeScaling linear:
                writer.WriteStartObject("rope_scaling");
                writer.WriteString("rope_type", "linear");
                writer.WriteNumber("factor", linear.Factor);
                writer.WriteEndObject();
                break;
            case Llama3RopeScaling llama3:
                writer.WriteStartObject("rope_scaling");
                writer.WriteString("rope_type", "llama3");
                writer.WriteNumber("factor", llama3.Factor);
                writer.WriteNumber("low_freq_factor", llama3.LowFrequencyFactor);
                writer.WriteNumber("high_freq_factor", llama3.HighFrequencyFactor);
                writer.WriteNumber("original_max_position_embeddings", llama3.OriginalPositions);
                writer.WriteEndObject();
                break;
            default:
                throw new MokaException("config.json cannot hold rotary frequencies that are listed one by one; keep the model in GGUF, or convert the original.");
        }
    }
}
