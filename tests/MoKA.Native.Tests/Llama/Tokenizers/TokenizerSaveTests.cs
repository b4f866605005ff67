using System.Text;
using FsCheck.Xunit;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

/// <summary>A tokenizer that is saved and read again encodes alike.</summary>
public class TokenizerSaveTests
{
    private const string Digits = """{"type": "Digits", "individual_digits": true}""";
    private const string Gpt2 = """{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}""";

    [Property(MaxTest = 100)]
    public void ByteLevel(int seed)
    {
        foreach (string? preTokenizer in (string?[])[null, Gpt2, TokenizerFiles.Sequence(Digits, Gpt2)])
        {
            string added = TokenizerFiles.AddedToken(261, "<s>", true) + ", " + TokenizerFiles.AddedToken(262, "'s", false);
            string json = TokenizerFiles.ByteLevelJson(["a b", "Ġ ab", "1 2", "! !"], preTokenizer, ignoreMerges: (seed & 1) == 0, more: ["ba"], added: added);
            Alike((ByteLevelTokenizer)TokenizerJson.Parse(Encoding.UTF8.GetBytes(json), "test.json"), seed);
        }
    }

    [Property(MaxTest = 100)]
    public void Ranks(int seed) => Alike(TokenizerFile.Parse(TokenizerFiles.Ranks("ab", " ab", "aa", "aaa", "aaaa", "ba", "ord", "wo", "rd"), "test"), seed);

    [Property(MaxTest = 100)]
    public void SentencePieceWithAndWithoutBytes(int seed)
    {
        Alike(TokenizerFile.Parse(TokenizerFiles.Model(TokenizerFiles.FewPieces), "test"), seed);
        Alike(TokenizerFile.Parse(TokenizerFiles.Llama2c(" ", "a", "b", "ab", " ab", "aa", "aaa"), "test"), seed);
    }

    [SkippableTheory]
    [InlineData("llama2_tokenizer.model")]
    [InlineData("llama3_tokenizer.model")]
    [InlineData("llama3.1_tokenizer.json")]
    public void Published(string file)
    {
        Tokenizer tokenizer = LargeTokenizers.Load(file), reloaded = Reloaded(tokenizer);
        for (int seed = 0; seed < 200; seed++) Alike(tokenizer, reloaded, seed);
    }

    private static void Alike(Tokenizer tokenizer, int seed) => Alike(tokenizer, Reloaded(tokenizer), seed);

    private static void Alike(Tokenizer tokenizer, Tokenizer reloaded, int seed)
    {
        Assert.Equal((tokenizer.VocabularySize, tokenizer.BosId, tokenizer.EosId), (reloaded.VocabularySize, reloaded.BosId, reloaded.EosId));
        Assert.Equal(tokenizer.ControlIds, reloaded.ControlIds);
        foreach (string text in (string[])[RandomTexts.Mixed(seed), RandomTexts.Runs(seed), RandomTexts.Unicode(seed), TokenizerFixtures.Story])
        {
            Assert.Equal(tokenizer.Encode(text, addBos: true, parseSpecial: true), reloaded.Encode(text, addBos: true, parseSpecial: true));
            Assert.Equal(tokenizer.Decode(tokenizer.Encode(text)), reloaded.Decode(reloaded.Encode(text)));
        }
    }

    private static Tokenizer Reloaded(Tokenizer tokenizer)
    {
        using TempFolder folder = new();
        TokenizerJson.Save(tokenizer, folder.Path);
        return TokenizerFile.Load(folder.Path);
    }
}
