using System.Text.Encodings.Web;
using System.Text.Json;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <content>The writer: the layout that the <c>tokenizers</c> library reads, and the file that <c>transformers</c> wants beside it.</content>
public static partial class TokenizerJson
{
    private static readonly JsonWriterOptions Layout = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Writes <c>tokenizer.json</c> and <c>tokenizer_config.json</c> into a folder, replacing earlier ones. Read back, the
    /// tokenizer encodes alike, but for what the format cannot say: pieces of equal score are ranked, and a user-defined
    /// piece of SentencePiece parts the text.
    /// </summary>
    /// <exception cref="MokaException">A file cannot be written.</exception>
    public static void Save(Tokenizer tokenizer, string folder)
    {
        AtomicFile.Write(Path.Combine(folder, FileName), stream => Write(tokenizer, stream));
        AtomicFile.Write(Path.Combine(folder, TokenizerConfigJson.FileName), stream => WriteConfig(tokenizer, stream));
    }

    internal static void Write(Tokenizer tokenizer, Stream stream)
    {
        using Utf8JsonWriter json = new(stream, Layout);
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        WriteAddedTokens(tokenizer, json);
        if (tokenizer is SentencePieceTokenizer pieces) WriteSentencePiece(pieces, json);
        else WriteByteLevel((ByteLevelTokenizer)tokenizer, json);
        json.WriteEndObject();
    }

    private static void WriteAddedTokens(Tokenizer tokenizer, Utf8JsonWriter json)
    {
        json.WriteStartArray("added_tokens");
        foreach (int id in tokenizer.Vocabulary.Of(PieceType.Unknown, PieceType.Control, PieceType.UserDefined))
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", tokenizer.Piece(id));
            json.WriteBoolean("single_word", false);
            json.WriteBoolean("lstrip", false);
            json.WriteBoolean("rstrip", false);
            json.WriteBoolean("normalized", false);
            json.WriteBoolean("special", tokenizer.Vocabulary.Type(id) != PieceType.UserDefined);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    // BOS before the text, as LLaMA's own files have it.
    private static void WritePostProcessor(Tokenizer tokenizer, Utf8JsonWriter json)
    {
        if (tokenizer.BosId is not { } bos)
        {
            json.WriteNull("post_processor");
            return;
        }
        string token = tokenizer.Piece(bos);
        json.WriteStartObject("post_processor");
        json.WriteString("type", "TemplateProcessing");
        WriteTemplate(json, "single", token, "A");
        WriteTemplate(json, "pair", token, "A", "B");
        json.WriteStartObject("special_tokens");
        json.WriteStartObject(token);
        json.WriteString("id", token);
        json.WriteStartArray("ids");
        json.WriteNumberValue(bos);
        json.WriteEndArray();
        json.WriteStartArray("tokens");
        json.WriteStringValue(token);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteTemplate(Utf8JsonWriter json, string name, string bos, params string[] sequences)
    {
        json.WriteStartArray(name);
        for (int type = 0; type < sequences.Length; type++)
        {
            foreach ((string kind, string id) in ((string, string)[])[("SpecialToken", bos), ("Sequence", sequences[type])])
            {
                json.WriteStartObject();
                json.WriteStartObject(kind);
                json.WriteString("id", id);
                json.WriteNumber("type_id", type);
                json.WriteEndObject();
                json.WriteEndObject();
            }
        }
        json.WriteEndArray();
    }

    private static void WriteModel(Tokenizer tokenizer, Utf8JsonWriter json, string? unknown, bool fuse, bool bytes, bool whole, MergeTable merges)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteString("unk_token", unknown);
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", fuse);
        json.WriteBoolean("byte_fallback", bytes);
        json.WriteBoolean("ignore_merges", whole);
        json.WriteStartObject("vocab");
        for (int id = 0; id < tokenizer.VocabularySize; id++) json.WriteNumber(tokenizer.Piece(id), id);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (Merge merge in merges.InOrder().Where(merge => Math.Max(merge.Left, merge.Right) < tokenizer.VocabularySize))
            json.WriteStringValue($"{tokenizer.Piece(merge.Left)} {tokenizer.Piece(merge.Right)}");
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteRaw(Utf8JsonWriter json, string? name, string value)
    {
        using JsonDocument document = JsonDocument.Parse(value);
        if (name is not null) json.WritePropertyName(name);
        document.RootElement.WriteTo(json);
    }

    private static void WriteConfig(Tokenizer tokenizer, Stream stream)
    {
        using Utf8JsonWriter json = new(stream, Layout);
        json.WriteStartObject();
        if (tokenizer is SentencePieceTokenizer pieces)
        {
            json.WriteString("tokenizer_class", "LlamaTokenizer");
            json.WriteBoolean("legacy", pieces.Prefix != DummyPrefix.First);
            json.WriteBoolean("add_bos_token", tokenizer.BosId is not null);
            json.WriteBoolean("add_eos_token", false);
            WriteToken("unk_token", pieces.UnknownId);
        }
        else
        {
            json.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
        }
        WriteToken("bos_token", tokenizer.BosId);
        WriteToken("eos_token", tokenizer.EosId);
        json.WriteBoolean("clean_up_tokenization_spaces", false);
        json.WriteEndObject();

        void WriteToken(string name, int? id)
        {
            if (id is { } token) json.WriteString(name, tokenizer.Piece(token));
        }
    }
}
