using System.Text;
using FsCheck.Xunit;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

public class ByteLevelTokenizerTests
{
    private static readonly string[] Merges = ["a b", "Ġ ab", "l l", "' ll", "\u0120 \u0120", "1 2", "Ã ©"];

    [Property(MaxTest = 500)]
    public void AnyTextComesBack(int seed)
    {
        foreach (SplitPattern pattern in Enum.GetValues<SplitPattern>())
        {
            ByteLevelTokenizer tokenizer = Random(seed, pattern, whole: false);
            foreach (string text in (string[])[RandomTexts.Mixed(seed), RandomTexts.Runs(seed), RandomTexts.Unicode(seed)])
                Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
        }
    }

    [Property(MaxTest = 500)]
    public void MergingEqualsTheNaiveDefinition(int seed, bool whole)
    {
        ByteLevelTokenizer tokenizer = Random(seed, SplitPattern.Llama3, whole);
        foreach (string text in (string[])[RandomTexts.Mixed(seed), RandomTexts.Runs(seed), RandomTexts.Letters(seed), new string('a', 300) + "ba"])
            Assert.Equal(Naive(tokenizer, text), tokenizer.Encode(text));
    }

    [Fact]
    public void ALoneSurrogateIsReadAsTheReplacementCharacter()
    {
        ByteLevelTokenizer tokenizer = Make(Merges);
        Assert.Equal([.. "a\uFFFDb"u8.ToArray().Select(value => (int)value)], tokenizer.Encode("a\ud800b"));
        Assert.Equal("a\uFFFDb", tokenizer.Decode(tokenizer.Encode("a\ud800b")));
    }

    [Fact]
    public void AWholeWordIsTakenOnlyWhereMergesAreIgnored()
    {
        // "ba" is a piece that no merge makes.
        string[] more = ["ba"];
        Assert.Equal([98, 97], Parse(TokenizerFiles.ByteLevelJson(["a b"], more: more)).Encode("ba"));
        Assert.Equal([257], Parse(TokenizerFiles.ByteLevelJson(["a b"], ignoreMerges: true, more: more)).Encode("ba"));
        Assert.Equal([98, 256], Parse(TokenizerFiles.ByteLevelJson(["a b"], ignoreMerges: true, more: more)).Encode("bab"));
    }

    [Fact]
    public void MergesMayBePairsOrStrings()
    {
        string strings = TokenizerFiles.ByteLevelJson(["a b", "Ġ ab"]);
        string pairs = strings.Replace("\"a b\"", "[\"a\", \"b\"]").Replace("\"\\u0120 ab\"", "[\"\\u0120\", \"ab\"]");
        Assert.NotEqual(strings, pairs);
        Assert.Equal([256, 257], Parse(strings).Encode("ab ab"));
        Assert.Equal([256, 257], Parse(pairs).Encode("ab ab"));
    }

    [Fact]
    public void TheEarlierMergeComesFirst()
    {
        Assert.Equal([256, 99], Parse(TokenizerFiles.ByteLevelJson(["a b", "b c"])).Encode("abc"));
        Assert.Equal([97, 256], Parse(TokenizerFiles.ByteLevelJson(["b c", "a b"])).Encode("abc"));
    }

    [Fact]
    public void SpecialTokensAreParsedOnlyWhereAskedAndAddedOnesAlways()
    {
        string added = TokenizerFiles.AddedToken(257, "<|end|>", special: true) + ", " + TokenizerFiles.AddedToken(258, "<|ab|>", special: false);
        ByteLevelTokenizer tokenizer = Parse(TokenizerFiles.ByteLevelJson(["a b"], added: added));
        Assert.Equal([257], tokenizer.ControlIds);
        Assert.DoesNotContain(257, tokenizer.Encode("ab<|end|>ab"));
        Assert.Equal([256, 257, 256], tokenizer.Encode("ab<|end|>ab", parseSpecial: true));
        Assert.Equal([256, 258, 256], tokenizer.Encode("ab<|ab|>ab"));
        Assert.Equal("abab<|ab|>", tokenizer.Decode([256, 257, 256, 258]));
    }

    [Theory]
    [InlineData("gpt-2", "ab12 ab", new[] { 256, 261, 257 })]
    [InlineData("smollm", "ab12 ab", new[] { 256, 49, 50, 257 })]
    [InlineData("llama-bpe", "ab'LL", new[] { 256, 39, 76, 76 })]
    [InlineData("llama-bpe", "ab'll", new[] { 256, 259 })]
    public void ArraysMakeATokenizer(string pattern, string text, int[] ids)
    {
        ByteLevelTokenizer tokenizer = Make(Merges, pattern);
        Assert.Equal(ids, tokenizer.Encode(text));
        Assert.Equal((263, 264), (tokenizer.BosId, tokenizer.EosId));
        Assert.Equal([263, .. ids], tokenizer.Encode(text, addBos: true));
        Assert.Equal([263, .. ids], tokenizer.Encode("<bos>" + text, addBos: true, parseSpecial: true));
    }

    [Fact]
    public void ArraysThatDoNotFitAreAnError()
    {
        ErrorLine.Of(() => Make(Merges, "qwen2"), "qwen2", "llama-bpe");
        ErrorLine.Of(() => Make(["a x b"]), "merge 0");
        ErrorLine.Of(() => Make(["a b", "ab"]), "merge 1");
        ErrorLine.Of(() => ByteLevelTokenizer.Create(["a", "b"], [1, 1], [], "gpt-2", null, null), "every byte", "byte 0");
        ErrorLine.Of(() => ByteLevelTokenizer.Create(["a", "b"], [1], [], "gpt-2", null, null), "2 pieces and 1 types");
        ErrorLine.Of(() => ByteLevelTokenizer.Create(["a", "b c"], [1, 1], [], "gpt-2", null, null), "piece 1");
        ErrorLine.Of(() => ByteLevelTokenizer.Create(["a"], [7], [], "gpt-2", null, null), "type", "7");
        ErrorLine.Of(() => ByteLevelTokenizer.Create(["a"], [1], [], "gpt-2", 1, null), "BOS", "1");
    }

    [Fact]
    public void AMergeMayNotMakeASpecialToken()
    {
        string json = TokenizerFiles.ByteLevelJson(["< s", "<s >"], added: TokenizerFiles.AddedToken(257, "<s>", special: true));
        string line = ErrorLine.Of(() => Parse(json));
        Assert.Contains("'<s>'", line);
    }

    private static ByteLevelTokenizer Parse(string json) => (ByteLevelTokenizer)TokenizerJson.Parse(Encoding.UTF8.GetBytes(json), "test.json");

    private static ByteLevelTokenizer Make(string[] merges, string pattern = "llama-bpe")
    {
        List<string> pieces = [.. Enumerable.Range(0, 256).Select(value => ByteDisplay.CharOf((byte)value).ToString()), .. merges.Select(merge => merge.Replace(" ", "")), "<bos>", "<eos>"];
        int[] types = [.. pieces.Select((_, id) => id < pieces.Count - 2 ? 1 : 3)];
        return ByteLevelTokenizer.Create(pieces, types, merges, pattern, pieces.Count - 2, pieces.Count - 1);
    }

    // Random merges over the bytes of the random texts.
    private static ByteLevelTokenizer Random(int seed, SplitPattern pattern, bool whole)
    {
        Random random = new(seed);
        List<string> pieces = [.. Enumerable.Range(0, 256).Select(value => ByteDisplay.CharOf((byte)value).ToString())];
        List<string> parts = [.. "ab '!1é漢"u8.ToArray().Select(value => ByteDisplay.CharOf(value).ToString())];
        List<string> merges = [];
        for (int i = 0; i < 40; i++)
        {
            (string left, string right) = (parts[random.Next(parts.Count)], parts[random.Next(parts.Count)]);
            if ((left + right).Length > 8 || pieces.Contains(left + right)) continue;
            pieces.Add(left + right);
            parts.Add(left + right);
            merges.Add($"{left} {right}");
        }
        Dictionary<string, int> ids = pieces.Select((piece, id) => (piece, id)).ToDictionary(entry => entry.piece, entry => entry.id);
        MergeList list = new(ids);
        foreach (string merge in merges) list.Add(merge);
        return new ByteLevelTokenizer(new ByteLevelParts { Pieces = pieces, Types = [.. pieces.Select(_ => PieceType.Normal)], Merges = list.Ranked(), Pattern = pattern, TakesWholeWords = whole });
    }

    // The definition: in each word join the first of the pairs with the best merge, start again.
    private static List<int> Naive(ByteLevelTokenizer tokenizer, string text)
    {
        Dictionary<(int, int), Merge> merges = tokenizer.Merges.InOrder().ToDictionary(merge => (merge.Left, merge.Right));
        List<int> ids = [];
        PreTokens words = new(text, SplitPattern.Llama3);
        while (words.MoveNext())
        {
            string display = ByteDisplay.Piece(Encoding.UTF8.GetBytes(words.Current.ToString()));
            List<int> symbols = [.. display.Select(c => tokenizer.TryGetId(c.ToString(), out int id) ? id : -1)];
            while (symbols.Zip(symbols.Skip(1)).Where(merges.ContainsKey).Select(pair => merges[pair].Rank).DefaultIfEmpty(-1).Min() is int best and >= 0)
            {
                int at = symbols.Zip(symbols.Skip(1)).ToList().FindIndex(pair => merges.TryGetValue(pair, out Merge merge) && merge.Rank == best);
                symbols[at] = merges[(symbols[at], symbols[at + 1])].Piece;
                symbols.RemoveAt(at + 1);
            }
            ids.AddRange(tokenizer.TakesWholeWords && tokenizer.TryGetId(display, out int whole) ? [whole] : symbols);
        }
        return ids;
    }
}
