using System.Text.Json;
using MoKA.Native.Diagnostics;
using static MoKA.Native.Llama.Tokenizers.JsonMembers;

namespace MoKA.Native.Llama.Tokenizers;

/// <content>The byte-level kind.</content>
internal sealed partial class TokenizerJsonReader
{
    private bool ReadsBytes() => root.Steps("pre_tokenizer", "pretokenizers").Any(step => step.Text("type") == "ByteLevel");

    private ByteLevelTokenizer ReadByteLevel(JsonElement model)
    {
        JsonElement[] normalizers = root.Steps("normalizer", "normalizers");
        Require(normalizers.Length == 0, $"normalizer must be null in a byte-level tokenizer, got {(normalizers.Length > 0 ? Type(normalizers[0]) : "")}");
        SplitPattern pattern = ReadPattern(root.Steps("pre_tokenizer", "pretokenizers"));
        return new ByteLevelTokenizer(new ByteLevelParts
        {
            Pieces = _pieces,
            Types = _types,
            Merges = ReadMerges(model),
            Pattern = pattern,
            TakesWholeWords = model.Flag("ignore_merges") == true,
            BosId = BosId(),
            EosId = EosId(),
        });
    }

    private static SplitPattern ReadPattern(JsonElement[] steps)
    {
        JsonElement bytes = steps[^1];
        Require(bytes.Text("type") == "ByteLevel" && steps.Length <= 2, $"pre_tokenizer must be at most one step and then ByteLevel, got {string.Join(", ", steps.Take(8).Select(Type))}");
        Require(bytes.Flag("add_prefix_space") == false, "ByteLevel must have add_prefix_space false");
        bool ownPattern = bytes.Flag("use_regex") != false;
        if (steps.Length == 1)
        {
            Require(ownPattern, "ByteLevel must use_regex where no Split is before it");
            return SplitPattern.Gpt2;
        }
        JsonElement first = steps[0];
        if (first.Text("type") == "Digits")
        {
            Require(first.Flag("individual_digits") == true && ownPattern, "Digits must have individual_digits true, and ByteLevel after it use_regex");
            return SplitPattern.Gpt2Digits;
        }
        Require(
            first.Text("type") == "Split" && first.Text("behavior") == "Isolated" && first.Flag("invert") != true && !ownPattern,
            $"before ByteLevel there may be Digits, or a Split that isolates and is not inverted with use_regex false, got {Type(first)}");
        string? expression = first.Optional("pattern")?.Text("Regex");
        Require(expression is SplitPatterns.Llama3 or SplitPatterns.Gpt2, $"the Split must have LLaMA-3's or GPT-2's Regex, got {Quoted.Name(expression ?? "")}");
        return expression == SplitPatterns.Llama3 ? SplitPattern.Llama3 : SplitPattern.Gpt2;
    }
}
