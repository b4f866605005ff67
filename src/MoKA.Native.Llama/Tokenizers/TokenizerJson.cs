using System.Text.Json;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>
/// Reads Hugging Face's <c>tokenizer.json</c> of a SentencePiece-style BPE (LLaMA-1 and LLaMA-2). The score of a piece
/// is minus the number of pieces that merges before its first one make.
/// </summary>
public static partial class TokenizerJson
{
    /// <summary>The file name inside a model folder.</summary>
    public const string FileName = "tokenizer.json";

    private const int MaxFileBytes = 64 << 20;

    /// <summary>Reads a tokenizer from a file, or from <c>tokenizer.json</c> of a folder.</summary>
    /// <exception cref="MokaException">The file is missing, damaged, or another kind of tokenizer.</exception>
    public static Tokenizer Load(string path)
    {
        string file = Directory.Exists(path) ? Path.Combine(path, FileName) : path;
        return Parse(BoundedFile.ReadUtf8(file, MaxFileBytes), file);
    }

    internal static Tokenizer Parse(ReadOnlyMemory<byte> json, string name)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return new Reader(name).Read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string of the file is not valid Unicode.
            throw new MokaException($"{name}: is not valid JSON ({Quoted.Plain(e.Message)}); fetch the file again.", e);
        }
    }

    private sealed class Reader(string name)
    {
        public Tokenizer Read(JsonElement root)
        {
            bool addDummyPrefix = ReadNormalizer(root) | ReadPreTokenizer(root);
            JsonElement model = Member(root, "model", JsonValueKind.Object);
            Require(Text(model, "type") is "BPE" or null, "model.type must be BPE");
            Require(
                Optional(model, "byte_fallback") is { ValueKind: JsonValueKind.True },
                "model.byte_fallback must be true; byte-level and WordPiece vocabularies are not supported");
            Require(Optional(model, "ignore_merges") is not { ValueKind: JsonValueKind.True }, "model.ignore_merges must be false");

            Dictionary<string, int> ids = ReadVocabulary(Member(model, "vocab", JsonValueKind.Object));
            List<int> addedControls = ReadAddedTokens(root, ids);
            string[] pieces = new string[ids.Count];
            foreach ((string piece, int id) in ids)
            {
                Require((uint)id < (uint)pieces.Length && pieces[id] is null, $"ids must be 0 to {pieces.Length - 1}, each once; id {id} is not");
                pieces[id] = piece;
            }

            List<Merge> merges = ReadMerges(Member(model, "merges", JsonValueKind.Array), ids);
            try
            {
                return new Tokenizer(pieces, Scores(pieces.Length, merges), addDummyPrefix, addedControls, merges);
            }
            catch (MokaException e)
            {
                throw new MokaException($"{name}: {e.Message}", e);
            }
        }

        // Old files prepend and replace in the normalizer, new ones in a pre-tokenizer that does not split.
        private bool ReadNormalizer(JsonElement root)
        {
            if (Optional(root, "normalizer") is not JsonElement normalizer)
            {
                return false;
            }

            bool prepends = false;
            JsonElement[] steps = Text(normalizer, "type") == "Sequence"
                ? [.. Member(normalizer, "normalizers", JsonValueKind.Array).EnumerateArray()]
                : [normalizer];
            foreach (JsonElement step in steps)
            {
                string? type = Text(step, "type");
                bool prepend = type == "Prepend" && Text(step, "prepend") == "▁";
                bool replace = type == "Replace" && Text(step, "content") == "▁" && Optional(step, "pattern") is JsonElement pattern && Text(pattern, "String") == " ";
                Require(prepend || replace, "normalizer may only prepend '▁' and replace ' ' by '▁'");
                prepends |= prepend;
            }

            return prepends;
        }

        private bool ReadPreTokenizer(JsonElement root)
        {
            if (Optional(root, "pre_tokenizer") is not JsonElement metaspace)
            {
                return false;
            }

            Require(
                Text(metaspace, "type") == "Metaspace" && Text(metaspace, "replacement") == "▁" && Optional(metaspace, "split") is { ValueKind: JsonValueKind.False },
                "pre_tokenizer may only be a Metaspace that does not split");
            return Text(metaspace, "prepend_scheme") is "first" or "always";
        }

        private Dictionary<string, int> ReadVocabulary(JsonElement vocabulary)
        {
            Dictionary<string, int> ids = new(StringComparer.Ordinal);
            foreach (JsonProperty entry in vocabulary.EnumerateObject())
            {
                ids.Add(entry.Name, Id(entry.Value));
            }

            return ids;
        }

        private List<int> ReadAddedTokens(JsonElement root, Dictionary<string, int> ids)
        {
            List<int> controls = [];
            if (Optional(root, "added_tokens") is not JsonElement tokens)
            {
                return controls;
            }

            Require(tokens.ValueKind == JsonValueKind.Array, "added_tokens must be an array");
            foreach (JsonElement token in tokens.EnumerateArray())
            {
                int id = Id(Member(token, "id", JsonValueKind.Number));
                string content = Member(token, "content", JsonValueKind.String).GetString()!;
                Require(Optional(token, "special") is { ValueKind: JsonValueKind.True }, $"added token {id} must be special");
                Require(!ids.TryGetValue(content, out int known) || known == id, $"added token {id} has another id, {known}, in the vocabulary");
                ids[content] = id;
                if (id >= Tokenizer.FirstPieceId)
                {
                    controls.Add(id);
                }
            }

            return controls;
        }

        private List<Merge> ReadMerges(JsonElement array, Dictionary<string, int> ids)
        {
            List<Merge> merges = new(array.GetArrayLength());
            foreach (JsonElement element in array.EnumerateArray())
            {
                (string left, string right) = Pair(element, merges.Count);
                bool known = ids.TryGetValue(left, out int leftId) & ids.TryGetValue(right, out int rightId) & ids.TryGetValue(left + right, out int id);
                Require(
                    known && Math.Min(id, Math.Min(leftId, rightId)) >= Tokenizer.FirstPieceId,
                    $"merge {merges.Count} must join two pieces to a third of the vocabulary, got {Quoted.Name(left)} and {Quoted.Name(right)}");
                merges.Add(new Merge(leftId, rightId, id));
            }

            return merges;
        }

        private (string Left, string Right) Pair(JsonElement merge, int index)
        {
            string[] parts = merge.ValueKind switch
            {
                JsonValueKind.String => merge.GetString()!.Split(' '),
                JsonValueKind.Array when merge.EnumerateArray().All(part => part.ValueKind == JsonValueKind.String) =>
                    [.. merge.EnumerateArray().Select(part => part.GetString()!)],
                _ => [],
            };
            Require(parts.Length == 2 && !parts.Any(part => part.Contains(' ')), $"merge {index} must be \"a b\" or [\"a\", \"b\"]");
            return (parts[0], parts[1]);
        }

        private static float[] Scores(int count, List<Merge> merges)
        {
            float[] scores = new float[count];
            bool[] ranked = new bool[count];
            int rank = 0;
            foreach (Merge merge in merges)
            {
                if (!ranked[merge.Piece])
                {
                    ranked[merge.Piece] = true;
                    scores[merge.Piece] = -rank++;
                }
            }

            for (int id = Tokenizer.FirstPieceId; id < count; id++)
            {
                scores[id] = ranked[id] ? scores[id] : -rank++;
            }

            return scores;
        }

        private int Id(JsonElement value)
        {
            int id = -1;
            Require(value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out id) && id >= 0, "ids must be whole numbers from 0");
            return id;
        }

        private JsonElement Member(JsonElement parent, string member, JsonValueKind kind)
        {
            JsonElement value = Optional(parent, member) ?? default;
            Require(value.ValueKind == kind, $"{member} must be {kind switch
            {
                JsonValueKind.Object => "an object",
                JsonValueKind.Array => "an array",
                JsonValueKind.Number => "a number",
                _ => "a string",
            }}");
            return value;
        }

        private JsonElement? Optional(JsonElement parent, string member)
        {
            Require(parent.ValueKind == JsonValueKind.Object, $"an object with {member} is expected");
            return parent.TryGetProperty(member, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;
        }

        private string? Text(JsonElement parent, string member) =>
            Optional(parent, member) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

        private void Require(bool holds, string rule)
        {
            if (!holds)
            {
                throw new MokaException($"{name}: {rule}; only SentencePiece-style BPE tokenizers, as LLaMA-2's, are read.");
            }
        }
    }
}
