using System.Collections.Immutable;
using System.Text.Json;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// Reads and writes a LLaMA's <c>config.json</c> in Hugging Face's spelling. Reading takes both spellings of the
/// rotary settings; writing uses the older one, which old and new tools read.
/// </summary>
public sealed partial class ConfigJson
{
    private const int MaxBytes = 1 << 20;

    // Models that compute exactly what a LLaMA computes, by the names they give themselves.
    private static readonly (string Type, string Architecture)[] Relatives = [("llama", "LlamaForCausalLM"), ("mistral", "MistralForCausalLM")];

    private readonly string _path;
    private readonly JsonElement _root;

    private ConfigJson(string path, JsonElement root) => (_path, _root) = (Quoted.Plain(path), root);

    /// <summary>Reads and validates the config of a LLaMA model.</summary>
    /// <exception cref="MokaException">
    /// The file cannot be read, is not JSON, has a value out of range, or asks for something that is not supported.
    /// </exception>
    public static LlamaConfig Read(string path)
    {
        byte[] json = BoundedFile.Read(path, MaxBytes);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            var reader = new ConfigJson(path, document.RootElement);
            LlamaConfig config = reader.ReadRoot();
            config.Validate(reader._path);
            return config;
        }
        // The second is how the library reports text that is not UTF-8 or not whole.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new MokaException($"{Quoted.Plain(path)}: must be JSON without repeated keys, got: {Quoted.Plain(e.Message)}; " +
                "fetch the file again.", e);
        }
    }

    /// <summary>Writes the config, whole or not at all.</summary>
    /// <exception cref="MokaException">The config is not valid or the file cannot be written.</exception>
    public static void Write(string path, LlamaConfig config) => AtomicFile.Write(path, stream => stream.Write(Bytes(config)));

    /// <summary>The file's content; what it cannot hold shows before anything is written.</summary>
    internal static byte[] Bytes(LlamaConfig config)
    {
        config.Validate();
        using MemoryStream stream = new();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            WriteRoot(writer, config);
        }
        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    private LlamaConfig ReadRoot()
    {
        if (_root.ValueKind != JsonValueKind.Object)
        {
            throw Error("must be a JSON object", _root, "fetch the file again");
        }
        RequireLlama();
        int hidden = Int("hidden_size"), heads = Int("num_attention_heads");
        (float theta, RopeScaling? scaling) = ReadRope();
        return new LlamaConfig
        {
            VocabularySize = Int("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = Int("intermediate_size"),
            Layers = Int("num_hidden_layers"),
            Heads = heads,
            KeyValueHeads = Int("num_key_value_heads", heads),
            HeadDim = Present("head_dim", out _) ? Int("head_dim") : DefaultHeadDim(hidden, heads),
            MaxPositions = ReadPositions(),
            RmsNormEpsilon = Float(_root, "rms_norm_eps", 1e-6f),
            RopeTheta = theta,
            RopeScaling = scaling,
            TieEmbeddings = Bool("tie_word_embeddings"),
            AttentionBias = Bool("attention_bias"),
            MlpBias = Bool("mlp_bias"),
            BosTokenId = _root.TryGetProperty("bos_token_id", out JsonElement bos) && bos.ValueKind == JsonValueKind.Null
                ? null
                : Int("bos_token_id", 1),
            EosTokenIds = ReadEos(),
            LinearStorage = ReadQuantization() ?? ReadDtype(),
            TableStorage = ReadDtype(),
        };
    }

    private void RequireLlama()
    {
        bool typed = Present("model_type", out JsonElement type);
        if (typed && !Relatives.Any(r => Is(type, r.Type)))
        {
            throw Unsupported("model_type", type, string.Join(" or ", Relatives.Select(r => r.Type)));
        }
        if (Present("architectures", out JsonElement names))
        {
            if (names.ValueKind != JsonValueKind.Array || !names.EnumerateArray().Any(name => Relatives.Any(r => Is(name, r.Architecture))))
            {
                throw Unsupported("architectures", names, string.Join(" or ", Relatives.Select(r => r.Architecture)));
            }
        }
        else if (!typed)
        {
            throw new MokaException($"{_path}: must have a model_type or architectures, got neither; check that it is a model's config.json.");
        }
        if (Present("hidden_act", out JsonElement activation) && !Is(activation, "silu"))
        {
            throw Unsupported("hidden_act", activation, "silu");
        }
    }

    // Texts that fit into a sliding window are read as if there were none; longer ones would need it, so it is the limit.
    private int ReadPositions()
    {
        int positions = Int("max_position_embeddings", 2048);
        return Present("sliding_window", out _) ? Math.Min(positions, Int("sliding_window")) : positions;
    }

    // Heads below 1 are left to the config's own check, which names them.
    private int DefaultHeadDim(int hidden, int heads) => heads < 1 || hidden % heads == 0
        ? hidden / Math.Max(heads, 1)
        : throw new MokaException($"{_path}: hidden_size must be a multiple of num_attention_heads when head_dim is absent, " +
            $"got {hidden} and {heads}; check that it is the config of a LLaMA model.");

    private ImmutableArray<int> ReadEos()
    {
        if (!_root.TryGetProperty("eos_token_id", out JsonElement eos))
        {
            return [2];
        }
        return eos.ValueKind switch
        {
            JsonValueKind.Null => [],
            JsonValueKind.Array => [.. eos.EnumerateArray().Select(id => Int("eos_token_id", id))],
            _ => [Int("eos_token_id", eos)],
        };
    }

    // Other types are left to the weights file, which says for each tensor what it is.
    private WeightStorage ReadDtype()
    {
        foreach (string key in (ReadOnlySpan<string>)["torch_dtype", "dtype"])
        {
            if (Present(key, out JsonElement type))
            {
                return Is(type, "float16") ? WeightStorage.F16 : Is(type, "bfloat16") ? WeightStorage.BF16 : WeightStorage.F32;
            }
        }
        return WeightStorage.F32;
    }

    private WeightStorage? ReadQuantization() =>
        Present("quantization_config", out JsonElement value) ? QuantizationConfig.Read(value) ?? throw Unsupported("quantization_config", value, QuantizationConfig.Supported) : null;

    // A key that is absent or null has its default.
    private bool Present(string key, out JsonElement value) =>
        _root.TryGetProperty(key, out value) && value.ValueKind != JsonValueKind.Null;

    private int Int(string key, int? absent = null)
    {
        if (Present(key, out JsonElement value))
        {
            return Int(key, value);
        }
        return absent ?? throw new MokaException($"{_path}: must have {key}, got nothing; check that it is the config of a LLaMA model.");
    }

    private int Int(string key, JsonElement value) => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int integer)
        ? integer
        : throw Error($"{key} must be a whole number that fits 32 bits", value, "check that it is the config of a LLaMA model");

    private float Float(JsonElement parent, string key, float absent)
    {
        if (!parent.TryGetProperty(key, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return absent;
        }
        return value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out float number) && float.IsFinite(number)
            ? number
            : throw Error($"{key} must be a finite number", value, "check that it is the config of a LLaMA model");
    }

    private bool Bool(string key)
    {
        if (!Present(key, out JsonElement value))
        {
            return false;
        }
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw Error($"{key} must be true or false", value, "check that it is the config of a LLaMA model");
    }

    private static bool Is(JsonElement value, string text) => value.ValueKind == JsonValueKind.String && value.ValueEquals(text);

    private MokaException Unsupported(string key, JsonElement value, string supported) =>
        new($"{_path}: {key} {Quoted.Plain(value.GetRawText())} is not supported yet; supported is {supported}.");

    private MokaException Error(string rule, JsonElement value, string fix) =>
        new($"{_path}: {rule}, got {Quoted.Plain(value.GetRawText())}; {fix}.");

    private static void WriteRoot(Utf8JsonWriter writer, LlamaConfig config)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("architectures");
        writer.WriteStringValue("LlamaForCausalLM");
        writer.WriteEndArray();
        writer.WriteString("model_type", "llama");
        writer.WriteNumber("vocab_size", config.VocabularySize);
        writer.WriteNumber("hidden_size", config.HiddenSize);
        writer.WriteNumber("intermediate_size", config.IntermediateSize);
        writer.WriteNumber("num_hidden_layers", config.Layers);
        writer.WriteNumber("num_attention_heads", config.Heads);
        writer.WriteNumber("num_key_value_heads", config.KeyValueHeads);
        writer.WriteNumber("head_dim", config.HeadDim);
        writer.WriteString("hidden_act", "silu");
        writer.WriteNumber("max_position_embeddings", config.MaxPositions);
        writer.WriteNumber("rms_norm_eps", config.RmsNormEpsilon);
        writer.WriteNumber("rope_theta", config.RopeTheta);
        WriteRopeScaling(writer, config);
        writer.WriteBoolean("attention_bias", config.AttentionBias);
        writer.WriteBoolean("mlp_bias", config.MlpBias);
        writer.WriteBoolean("tie_word_embeddings", config.TieEmbeddings);
        WriteTokens(writer, config);
        writer.WriteString("torch_dtype", WeightWriter.DtypeName(config.TableStorage));
        if (!config.LinearStorage.IsFloat())
        {
            QuantizationConfig.Write(writer, config);
        }
        writer.WriteEndObject();
    }

    // One end id is written as a number, as most tools expect; several, or none, as a list or null.
    private static void WriteTokens(Utf8JsonWriter writer, LlamaConfig config)
    {
        if (config.BosTokenId is { } bos)
        {
            writer.WriteNumber("bos_token_id", bos);
        }
        else
        {
            writer.WriteNull("bos_token_id");
        }
        switch (config.EosTokenIds)
        {
            case []:
                writer.WriteNull("eos_token_id");
                break;
            case [int eos]:
                writer.WriteNumber("eos_token_id", eos);
                break;
            default:
                writer.WriteStartArray("eos_token_id");
                foreach (int eos in config.EosTokenIds)
                {
                    writer.WriteNumberValue(eos);
                }
                writer.WriteEndArray();
                break;
        }
    }
}
