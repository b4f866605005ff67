using System.Text.Json;

namespace MoKA.Native.Llama.Tokenizers;

/// <content>What the two kinds write differently: how text is cut and put together again, and the model's flags.</content>
public static partial class TokenizerJson
{
    private static void WriteSentencePiece(SentencePieceTokenizer tokenizer, Utf8JsonWriter json)
    {
        bool metaspace = tokenizer.Prefix is DummyPrefix.First or DummyPrefix.UnlessSpaced;
        if (metaspace)
        {
            json.WriteNull("normalizer");
            string scheme = tokenizer.Prefix == DummyPrefix.First ? "first" : "always";
            WriteRaw(json, "pre_tokenizer", $$"""{ "type": "Metaspace", "replacement": "▁", "prepend_scheme": "{{scheme}}", "split": false }""");
        }
        else
        {
            WriteNormalizer(tokenizer, json);
            json.WriteNull("pre_tokenizer");
        }
        WritePostProcessor(tokenizer, json);
        json.WriteStartObject("decoder");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("decoders");
        WriteReplace(json, "▁", " ");
        WriteRaw(json, null, """{ "type": "ByteFallback" }""");
        WriteRaw(json, null, """{ "type": "Fuse" }""");
        if (tokenizer.DropsFirstSpace) WriteRaw(json, null, """{ "type": "Strip", "content": " ", "start": 1, "stop": 0 }""");
        json.WriteEndArray();
        json.WriteEndObject();
        string? unknown = tokenizer.UnknownId is { } id ? tokenizer.Piece(id) : null;
        WriteModel(tokenizer, json, unknown, tokenizer.FusesUnknown, tokenizer.HasByteFallback, whole: false, tokenizer.Merges);
    }

    private static void WriteByteLevel(ByteLevelTokenizer tokenizer, Utf8JsonWriter json)
    {
        json.WriteNull("normalizer");
        WriteRaw(json, "pre_tokenizer", tokenizer.Pattern switch
        {
            SplitPattern.Gpt2 => ByteLevel(usesPattern: true),
            SplitPattern.Gpt2Digits => Sequence("""{ "type": "Digits", "individual_digits": true }""", ByteLevel(usesPattern: true)),
            _ => Sequence(
                $$"""{ "type": "Split", "pattern": { "Regex": "{{JsonEncodedText.Encode(SplitPatterns.Llama3)}}" }, "behavior": "Isolated", "invert": false }""",
                ByteLevel(usesPattern: false)),
        });
        WritePostProcessor(tokenizer, json);
        WriteRaw(json, "decoder", """{ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true }""");
        WriteModel(tokenizer, json, unknown: null, fuse: false, bytes: false, tokenizer.TakesWholeWords, tokenizer.Merges);
    }

    private static string Sequence(string first, string second) => $$"""{ "type": "Sequence", "pretokenizers": [{{first}}, {{second}}] }""";

    private static string ByteLevel(bool usesPattern) =>
        $$"""{ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": {{(usesPattern ? "true" : "false")}} }""";

    private static void WriteNormalizer(SentencePieceTokenizer tokenizer, Utf8JsonWriter json)
    {
        json.WriteStartObject("normalizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("normalizers");
        if (tokenizer.Prefix == DummyPrefix.Always) WriteRaw(json, null, """{ "type": "Prepend", "prepend": "▁" }""");
        WriteReplace(json, " ", "▁");
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteReplace(Utf8JsonWriter json, string pattern, string content)
    {
        json.WriteStartObject();
        json.WriteString("type", "Replace");
        json.WriteStartObject("pattern");
        json.WriteString("String", pattern);
        json.WriteEndObject();
        json.WriteString("content", content);
        json.WriteEndObject();
    }
}
