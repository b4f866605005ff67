using System.Text;
using System.Text.Json;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

/// <summary>Small tokenizer files of every kind, as their own makers would write them.</summary>
internal static class TokenizerFiles
{
    public const string Llama3Split =
        """{"type": "Split", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": false}""";

    public const string Bytes = """{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}""";

    /// <summary>One field of a protobuf message: a number, a float, or bytes.</summary>
    public static byte[] Field(int number, object value) => value switch
    {
        int varint => [.. Varint(number << 3), .. Varint(varint)],
        float single => [.. Varint(number << 3 | 5), .. BitConverter.GetBytes(single)],
        string text => Field(number, Encoding.UTF8.GetBytes(text)),
        byte[] bytes => [.. Varint(number << 3 | 2), .. Varint(bytes.Length), .. bytes],
        _ => throw new ArgumentException("int, float, string or bytes", nameof(value)),
    };

    /// <summary>A SentencePiece model: pieces with scores and types, the trainer's and the normaliser's further fields.</summary>
    public static byte[] Model(IEnumerable<(string Piece, float Score, int Type)> pieces, byte[]? trainer = null, byte[]? normalizer = null) =>
    [
        .. pieces.SelectMany(piece => Field(1, (byte[])[.. Field(1, piece.Piece), .. Field(2, piece.Score), .. Field(3, piece.Type)])),
        .. Field(2, trainer ?? [.. Field(3, 2), .. Field(35, 1)]),
        .. Field(3, normalizer ?? [.. Field(1, "identity"), .. Field(3, 1), .. Field(4, 0), .. Field(5, 1)]),
    ];

    /// <summary>unk 0, s 1, /s 2, then ▁ a b ab ▁a, without byte pieces.</summary>
    public static IReadOnlyList<(string Piece, float Score, int Type)> FewPieces { get; } =
        [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("▁", -4, 1), ("a", -5, 1), ("b", -6, 1), ("ab", -1, 1), ("▁a", -2, 1)];

    /// <summary>Lines "base64 rank": the bytes in the order of their display, then joined pieces.</summary>
    public static byte[] Ranks(params string[] pieces) => Encoding.ASCII.GetBytes(string.Concat(
        Enumerable.Range(0, 256).Select(value => new[] { (byte)value }).Concat(pieces.Select(Encoding.UTF8.GetBytes))
            .Select((bytes, rank) => $"{Convert.ToBase64String(bytes)} {rank}\n")));

    /// <summary>llama2.c's file of LLaMA-2's layout, with these pieces after the bytes, scores falling.</summary>
    public static byte[] Llama2c(params string[] pieces)
    {
        MemoryStream stream = new();
        BinaryWriter writer = new(stream);
        writer.Write(7);
        string[] all = [.. Enumerable.Range(0, 259).Select(id => id is 1 or 2 ? $"\n{Llama2Layout.Piece(id)}\n" : Llama2Layout.Piece(id)), .. pieces];
        for (int id = 0; id < all.Length; id++)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(all[id]);
            writer.Write(id < 259 ? 0f : 258f - id);
            writer.Write(bytes.Length);
            writer.Write(bytes);
        }
        return stream.ToArray();
    }

    /// <summary>tokenizer.json over bytes: ids 0 to 255 in the order of the bytes, then what the merges make, then added tokens.</summary>
    public static string ByteLevelJson(string[] merges, string? preTokenizer = null, bool ignoreMerges = false, string[]? more = null, string added = "")
    {
        List<string> pieces = [.. Enumerable.Range(0, 256).Select(value => ByteDisplay.CharOf((byte)value).ToString())];
        foreach (string piece in merges.Select(merge => merge.Replace(" ", "")).Concat(more ?? []))
        {
            if (!pieces.Contains(piece)) pieces.Add(piece);
        }
        string vocabulary = string.Join(", ", pieces.Select((piece, id) => $"{JsonSerializer.Serialize(piece)}: {id}"));
        string list = string.Join(", ", merges.Select(merge => JsonSerializer.Serialize(merge)));
        return $$"""
            {
              "version": "1.0", "added_tokens": [{{added}}], "normalizer": null,
              "pre_tokenizer": {{preTokenizer ?? Sequence(Llama3Split, Bytes)}},
              "model": {"type": "BPE", "ignore_merges": {{(ignoreMerges ? "true" : "false")}}, "vocab": {{{vocabulary}}}, "merges": [{{list}}]}
            }
            """;
    }

    public static string Sequence(params string[] steps) => $$"""{"type": "Sequence", "pretokenizers": [{{string.Join(", ", steps)}}]}""";

    public static string AddedToken(int id, string content, bool special) => $$"""{"id": {{id}}, "content": {{JsonSerializer.Serialize(content)}}, "special": {{(special ? "true" : "false")}}}""";

    private static IEnumerable<byte> Varint(int value)
    {
        uint rest = (uint)value;
        for (; rest >= 0x80; rest >>= 7) yield return (byte)(rest | 0x80);
        yield return (byte)rest;
    }
}
