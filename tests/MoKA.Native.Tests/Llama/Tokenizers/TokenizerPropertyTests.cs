using FsCheck.Xunit;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

/// <summary>What holds for tokenizers of both kinds.</summary>
public class TokenizerPropertyTests
{
    private static readonly Tokenizer SentencePiece = TokenizerFixtures.Small;

    private static readonly Tokenizer ByteLevel = TokenizerJson.Parse(System.Text.Encoding.UTF8.GetBytes(TokenizerFiles.ByteLevelJson(
        ["a a", "aa aa", "a b", "Ġ ab", "o r", "w or", "wor d"], added: TokenizerFiles.AddedToken(263, "<s>", true) + ", " + TokenizerFiles.AddedToken(264, "</s>", true))), "test.json");

    public static TheoryData<string> Kinds { get; } = ["SentencePiece", "byte-level"];

    [Property(MaxTest = 500)]
    public void AnyTextComesBackAtOnceAndInAStream(int seed)
    {
        foreach (Tokenizer tokenizer in (Tokenizer[])[SentencePiece, ByteLevel])
        {
            foreach (string text in (string[])[RandomTexts.Unicode(seed), RandomTexts.Mixed(seed), RandomTexts.Runs(seed)])
            {
                string expected = tokenizer is SentencePieceTokenizer ? text.Replace('▁', ' ') : text;
                int[] ids = tokenizer.Encode(text, addBos: true);
                Assert.Equal(expected, tokenizer.Decode(ids));
                TokenStream stream = new(tokenizer);
                string[] steps = [.. ids.Select(stream.Append), stream.Flush()];
                Assert.Equal(expected, string.Concat(steps));
                Assert.DoesNotContain(steps, step => step.Contains('\uFFFD') && !text.Contains('\uFFFD'));
            }
        }
    }

    [Property(MaxTest = 500)]
    public void TextsOnBothSidesOfASpecialTokenAreEncodedApart(int seed)
    {
        foreach (Tokenizer tokenizer in (Tokenizer[])[SentencePiece, ByteLevel])
        {
            string left = RandomTexts.Mixed(seed).Replace("<s>", ""), right = RandomTexts.Runs(seed).Replace("<s>", "");
            int eos = tokenizer.EosId!.Value;
            Assert.Equal([.. tokenizer.Encode(left), eos, .. tokenizer.Encode(right)], tokenizer.Encode(left + "</s>" + right, parseSpecial: true));
            Assert.DoesNotContain(eos, tokenizer.Encode(left + "</s>" + right));
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void BosComesOnceAndOnlyWhenAsked(string kind)
    {
        Tokenizer tokenizer = Of(kind);
        int bos = tokenizer.BosId!.Value;
        int[] word = tokenizer.Encode("word");
        Assert.DoesNotContain(bos, word);
        Assert.Equal([bos, .. word], tokenizer.Encode("word", addBos: true));
        Assert.Equal([bos, .. word], tokenizer.Encode("<s>word", addBos: true, parseSpecial: true));
        Assert.Equal([bos, .. word], tokenizer.Encode("<s>word", parseSpecial: true));
        Assert.Equal([bos, .. word, bos], tokenizer.Encode("word<s>", addBos: true, parseSpecial: true));
        Assert.Equal([bos, .. tokenizer.Encode("<s>word")], tokenizer.Encode("<s>word", addBos: true));
        Assert.Equal([bos], tokenizer.Encode("", addBos: true));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void IdsAreAppended(string kind)
    {
        Tokenizer tokenizer = Of(kind);
        List<int> ids = [7];
        tokenizer.Encode("word", ids, addBos: true);
        tokenizer.Encode("<s>word", ids, addBos: true, parseSpecial: true);
        int[] word = tokenizer.Encode("word", addBos: true);
        Assert.Equal([7, .. word, .. word], ids);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void EncodingAllocatesNothingForATokenOrAWord(string kind)
    {
        Tokenizer tokenizer = Of(kind);
        string text = string.Concat(Enumerable.Repeat(TokenizerFixtures.Story + "</s> 漢字 🎈 " + new string('a', 100), 50));
        List<int> ids = new(3 * text.Length);
        tokenizer.Encode(text, ids, addBos: true, parseSpecial: true);
        Assert.True(ids.Count > 5000);
        ids.Clear();
        long before = GC.GetAllocatedBytesForCurrentThread();
        tokenizer.Encode(text, ids, addBos: true, parseSpecial: true);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256);
    }

    // Quadratic work would be 10^12 steps here, and the test would not end.
    [Theory]
    [MemberData(nameof(Kinds))]
    public void AMebibyteOfOneLetterEnds(string kind)
    {
        Tokenizer tokenizer = Of(kind);
        foreach (string letter in (string[])["a", " ", "\n", "!", "1", "'", "é"])
        {
            string text = string.Concat(Enumerable.Repeat(letter, 1 << 20));
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ThreadsMayShareIt(string kind)
    {
        Tokenizer tokenizer = Of(kind);
        int[] expected = tokenizer.Encode(TokenizerFixtures.Story);
        Parallel.For(0, 64, _ => Assert.Equal(expected, tokenizer.Encode(TokenizerFixtures.Story)));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void AnIdOutsideTheVocabularyIsAnError(string kind)
    {
        Tokenizer tokenizer = Of(kind);
        foreach (int id in (int[])[-1, tokenizer.VocabularySize])
        {
            ErrorLine.Of(() => tokenizer.Decode([id]), $"got {id}");
            ErrorLine.Of(() => tokenizer.Piece(id));
            ErrorLine.Of(() => tokenizer.Bytes(id));
        }
    }

    private static Tokenizer Of(string kind) => kind == "SentencePiece" ? SentencePiece : ByteLevel;
}
