using System.Collections.Immutable;
using System.Text.Json;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>
/// What a model's authors propose for generating with it, <c>generation_config.json</c>. Published files have comments or
/// a comma too many, so it is read leniently; what it does not say is null.
/// </summary>
/// <param name="EosTokenIds">The ids that end a text.</param>
/// <param name="Samples">Whether to draw tokens at all, <c>do_sample</c>.</param>
/// <param name="Temperature">For drawing.</param>
/// <param name="TopK">For drawing; 0 for all.</param>
/// <param name="TopP">For drawing.</param>
/// <param name="RepetitionPenalty">What tokens that were there before are divided by.</param>
public sealed record GenerationConfigJson(ImmutableArray<int>? EosTokenIds, bool? Samples, float? Temperature, int? TopK, float? TopP, float? RepetitionPenalty)
{
    /// <summary>The file's name in a model's folder.</summary>
    public const string FileName = "generation_config.json";

    private const int MaxBytes = 1 << 20;

    /// <summary>Reads the file.</summary>
    /// <exception cref="MokaException">It cannot be read, is not JSON, or a value is of the wrong kind.</exception>
    public static GenerationConfigJson Read(string path)
    {
        ReadOnlyMemory<byte> json = BoundedFile.ReadUtf8(path, MaxBytes);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
            return new Reader(path, document.RootElement).Read();
        }
        // The second is how the library reports text that is not UTF-8 or not whole.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new MokaException($"{Quoted.Plain(path)}: must be JSON, got: {Quoted.Plain(e.Message)}; fetch the file again.", e);
        }
    }

    private readonly struct Reader(string path, JsonElement root)
    {
        public GenerationConfigJson Read()
        {
            if (root.ValueKind != JsonValueKind.Object) throw Wrong("the file", "a JSON object", root);
            return new GenerationConfigJson(Ends(), Samples(), (float?)Number("temperature"), Whole("top_k"), (float?)Number("top_p"), (float?)Number("repetition_penalty"));
        }

        private ImmutableArray<int>? Ends()
        {
            if (!Has("eos_token_id", out JsonElement ends)) return null;
            List<int> ids = [];
            foreach (JsonElement end in ends.ValueKind == JsonValueKind.Array ? [.. ends.EnumerateArray()] : new[] { ends })
                ids.Add(end.ValueKind == JsonValueKind.Number && end.TryGetInt32(out int id) ? id : throw Wrong("eos_token_id", "a whole number or a list of them", end));
            return [.. ids];
        }

        private bool? Samples()
        {
            if (!Has("do_sample", out JsonElement samples)) return null;
            return samples.ValueKind is JsonValueKind.True or JsonValueKind.False ? samples.GetBoolean() : throw Wrong("do_sample", "true or false", samples);
        }

        private double? Number(string key)
        {
            if (!Has(key, out JsonElement value)) return null;
            return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && double.IsFinite(number) ? number : throw Wrong(key, "a finite number", value);
        }

        private int? Whole(string key)
        {
            if (!Has(key, out JsonElement value)) return null;
            return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int whole) ? whole : throw Wrong(key, "a whole number", value);
        }

        private bool Has(string key, out JsonElement value) => root.TryGetProperty(key, out value) && value.ValueKind != JsonValueKind.Null;

        private MokaException Wrong(string what, string rule, JsonElement got) => new($"{Quoted.Plain(path)}: {what} must be {rule}, got {Quoted.Plain(got.GetRawText())}; fetch the file again.");
    }
}
