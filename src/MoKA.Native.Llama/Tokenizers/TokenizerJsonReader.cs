using System.Text.Json;
using MoKA.Native.Diagnostics;
using static MoKA.Native.Llama.Tokenizers.JsonMembers;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>Reads the parts of <c>tokenizer.json</c> that both kinds of tokenizers have, and then those of its kind.</summary>
internal sealed partial class TokenizerJsonReader(JsonElement root, TokenizerConfigJson? config)
{
    // Real files have a few hundred at most; every one is compared with the text.
    private const int MaxAddedTokens = 1 << 16;

    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private string[] _pieces = [];
    private PieceType[] _types = [];

    /// <summary>Reads the tokenizer.</summary>
    public Tokenizer Read()
    {
        JsonElement model = root.Member("model", JsonValueKind.Object);
        string type = model.Text("type") ?? "BPE";
        Require(type == "BPE", $"model.type must be BPE, got {Quoted.Name(type)}");
        Require(model.Optional("dropout") is null, "model.dropout must be null");
        foreach (string affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
            Require(model.Text(affix) is null or "", $"model.{affix} must be null, got {Quoted.Name(model.Text(affix) ?? "")}");

        ReadVocabulary(model.Member("vocab", JsonValueKind.Object));
        List<(int Id, PieceType Type)> added = ReadAddedTokens();
        _pieces = new string[_ids.Count];
        foreach ((string piece, int id) in _ids)
        {
            Require(id < _pieces.Length && _pieces[id] is null, $"ids must be 0 to {_pieces.Length - 1}, each once; id {id} is not");
            _pieces[id] = piece;
        }
        _types = new PieceType[_pieces.Length];
        Array.Fill(_types, PieceType.Normal);
        foreach ((int id, PieceType kind) in added) _types[id] = kind;
        return ReadsBytes() ? ReadByteLevel(model) : ReadSentencePiece(model);
    }

    private void ReadVocabulary(JsonElement vocabulary)
    {
        foreach (JsonProperty entry in vocabulary.EnumerateObject()) _ids[entry.Name] = Id(entry.Value);
    }

    private List<(int Id, PieceType Type)> ReadAddedTokens()
    {
        List<(int, PieceType)> added = [];
        if (root.Optional("added_tokens") is null) return added;
        JsonElement tokens = root.Member("added_tokens", JsonValueKind.Array);
        Require(tokens.GetArrayLength() <= MaxAddedTokens, $"added_tokens must be at most {MaxAddedTokens}, got {tokens.GetArrayLength()}");
        foreach (JsonElement token in tokens.EnumerateArray())
        {
            string content = token.Text("content") ?? "";
            Require(content.Length > 0, "added_tokens must have content");
            int id = Id(token.Member("id", JsonValueKind.Number));
            Require(!_ids.TryGetValue(content, out int known) || known == id, $"added token {Quoted.Name(content)} must have one id, got {known} and {id}");
            foreach (string rule in (string[])["single_word", "lstrip", "rstrip"])
                Require(token.Flag(rule) != true, $"added token {Quoted.Name(content)} must not ask for {rule}");
            bool special = token.Flag("special") == true;
            Require(
                special || token.Flag("normalized") != true || root.Steps("normalizer", "normalizers").Length == 0,
                $"added token {Quoted.Name(content)} must be special or not be normalized where there is a normalizer");
            _ids[content] = id;
            added.Add((id, special ? PieceType.Control : PieceType.UserDefined));
        }
        return added;
    }

    private List<Merge> ReadMerges(JsonElement model)
    {
        MergeList merges = new(_ids);
        foreach (JsonElement merge in model.Member("merges", JsonValueKind.Array).EnumerateArray())
        {
            switch (merge.ValueKind)
            {
                case JsonValueKind.String:
                    merges.Add(merge.GetString()!);
                    break;
                case JsonValueKind.Array when merge.GetArrayLength() == 2 && merge[0].ValueKind == JsonValueKind.String && merge[1].ValueKind == JsonValueKind.String:
                    merges.Add(merge[0].GetString(), merge[1].GetString());
                    break;
                default:
                    Require(false, "a merge must be \"a b\" or [\"a\", \"b\"]");
                    break;
            }
        }
        return merges.Ranked();
    }

    // Who names BOS: the configuration, the post-processor, or LLaMA's and GPT-2's habit.
    private int? BosId() => Known(config?.BosToken) ?? Known(FirstOfTemplate()) ?? Known("<s>") ?? Known("<|begin_of_text|>");

    private int? EosId() => Known(config?.EosToken) ?? Known("</s>") ?? Known("<|end_of_text|>") ?? Known("<|endoftext|>");

    private int? Known(string? piece) => piece is not null && _ids.TryGetValue(piece, out int id) ? id : null;

    private string? FirstOfTemplate()
    {
        foreach (JsonElement step in root.Steps("post_processor", "processors"))
        {
            if (step.Text("type") == "TemplateProcessing" && step.Optional("single") is { ValueKind: JsonValueKind.Array } single && single.GetArrayLength() > 0 &&
                single[0].Optional("SpecialToken") is { } first)
            {
                return first.Text("id");
            }
        }
        return null;
    }

    private static int Id(JsonElement value)
    {
        int id = -1;
        Require(value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out id) && id >= 0, "ids must be whole numbers from 0");
        return id;
    }
}
