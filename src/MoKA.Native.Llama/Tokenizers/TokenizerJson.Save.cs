using System.Text.Encodings.Web;
using System.Text.Json;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <content>The writer: the layout that the <c>tokenizers</c> library reads, and the file that <c>transformers</c> wants beside it.</content>
public static partial class TokenizerJson
{
    private static readonly JsonWriterOptions Layout = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes <c>tokenizer.json</c> and <c>tokenizer_config.json</c> into a folder, replacing earlier ones.</summary>
    /// <exception cref="MokaException">A file cannot be written.</exception>
    public static void Save(Tokenizer tokenizer, string folder)
    {
        AtomicFile.Write(Path.Combine(folder, FileName), stream => Write(tokenizer, stream));
        AtomicFile.Write(Path.Combine(folder, "tokenizer_config.json"), WriteConfig);
    }

    internal static void Write(Tokenizer tokenizer, Stream stream)
    {
        using Utf8JsonWriter json = new(stream, Layout);
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        WriteAddedTokens(tokenizer, json);
        WriteNormalizer(tokenizer, json);
        json.WriteNull("pre_tokenizer");
        WritePostProcessor(json);
        WriteDecoder(tokenizer, json);
        WriteModel(tokenizer, json);
        json.WriteEndObject();
    }

    private static void WriteAddedTokens(Tokenizer tokenizer, Utf8JsonWriter json)
    {
        json.WriteStartArray("added_tokens");
        foreach (int id in tokenizer.ControlIds)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", tokenizer.Piece(id));
            json.WriteBoolean("single_word", false);
            json.WriteBoolean("lstrip", false);
            json.WriteBoolean("rstrip", false);
            json.WriteBoolean("normalized", false);
            json.WriteBoolean("special", true);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteNormalizer(Tokenizer tokenizer, Utf8JsonWriter json)
    {
        json.WriteStartObject("normalizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("normalizers");
        if (tokenizer.AddDummyPrefix)
        {
            json.WriteStartObject();
            json.WriteString("type", "Prepend");
            json.WriteString("prepend", "▁");
            json.WriteEndObject();
        }

        WriteReplace(json, " ", "▁");
        json.WriteEndArray();
        json.WriteEndObject();
    }

    // BOS before the text, as LLaMA-2's own file has it.
    private static void WritePostProcessor(Utf8JsonWriter json) => WriteRaw(json, "post_processor", """
        {
          "type": "TemplateProcessing",
          "single": [{ "SpecialToken": { "id": "<s>", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }],
          "pair": [
            { "SpecialToken": { "id": "<s>", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } },
            { "SpecialToken": { "id": "<s>", "type_id": 1 } }, { "Sequence": { "id": "B", "type_id": 1 } }
          ],
          "special_tokens": { "<s>": { "id": "<s>", "ids": [1], "tokens": ["<s>"] } }
        }
        """);

    private static void WriteDecoder(Tokenizer tokenizer, Utf8JsonWriter json)
    {
        json.WriteStartObject("decoder");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("decoders");
        WriteReplace(json, "▁", " ");
        WriteRaw(json, null, """{ "type": "ByteFallback" }""");
        WriteRaw(json, null, """{ "type": "Fuse" }""");
        if (tokenizer.AddDummyPrefix)
        {
            WriteRaw(json, null, """{ "type": "Strip", "content": " ", "start": 1, "stop": 0 }""");
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteModel(Tokenizer tokenizer, Utf8JsonWriter json)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteString("unk_token", tokenizer.Piece(Tokenizer.UnknownId));
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", true);
        json.WriteBoolean("byte_fallback", true);
        json.WriteBoolean("ignore_merges", false);
        json.WriteStartObject("vocab");
        for (int id = 0; id < tokenizer.VocabularySize; id++)
        {
            json.WriteNumber(tokenizer.Piece(id), id);
        }

        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (Merge merge in tokenizer.Merges.InOrder())
        {
            json.WriteStringValue($"{tokenizer.Piece(merge.Left)} {tokenizer.Piece(merge.Right)}");
        }

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

    private static void WriteRaw(Utf8JsonWriter json, string? name, string value)
    {
        using JsonDocument document = JsonDocument.Parse(value);
        if (name is not null)
        {
            json.WritePropertyName(name);
        }

        document.RootElement.WriteTo(json);
    }

    private static void WriteConfig(Stream stream)
    {
        using Utf8JsonWriter json = new(stream, Layout);
        json.WriteStartObject();
        json.WriteString("tokenizer_class", "LlamaTokenizer");
        json.WriteBoolean("legacy", true);
        json.WriteBoolean("add_bos_token", true);
        json.WriteBoolean("add_eos_token", false);
        json.WriteString("unk_token", "<unk>");
        json.WriteString("bos_token", "<s>");
        json.WriteString("eos_token", "</s>");
        json.WriteBoolean("clean_up_tokenization_spaces", false);
        json.WriteEndObject();
    }
}
