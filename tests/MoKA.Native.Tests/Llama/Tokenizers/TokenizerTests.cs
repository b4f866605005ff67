using System.Text;
using FsCheck.Xunit;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

public class TokenizerTests
{
    private static readonly SentencePieceTokenizer Small = TokenizerFixtures.Small;

    [Property(MaxTest = 300)]
    public void AnyTextComesBack(string? text)
    {
        string valid = Valid(text ?? "");
        Assert.Equal(valid.Replace('▁', ' '), Small.Decode(Small.Encode(valid)));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("   ")]
    [InlineData("\n")]
    [InlineData(" a")]
    [InlineData("héllo wörld")]
    [InlineData("🎈 and 👩‍🚀, 漢字\r\n\t\0")]
    public void HardTextsComeBack(string text)
    {
        Assert.Equal(text, Small.Decode(Small.Encode(text)));
        Assert.Equal(text, Small.Decode(Small.Encode(text, addBos: true)));
        Tokenizer bare = TokenizerTrainer.Train([TokenizerFixtures.Story], 400, addDummyPrefix: false);
        Assert.Equal(text, bare.Decode(bare.Encode(text)));
    }

    [Property(MaxTest = 300)]
    public void MergingEqualsTheNaiveDefinition(int seed, byte[] letters)
    {
        SentencePieceTokenizer tokenizer = TokenizerFixtures.Random(seed);
        string text = string.Concat(letters.Select(letter => "abc ü"[letter % 5]));
        Assert.Equal(TokenizerFixtures.NaiveEncode(tokenizer, text), tokenizer.Encode(text));
    }

    [Fact]
    public void OfEqualScoresTheLeftmostPairMerges()
    {
        Tokenizer tokenizer = Make(("▁", 0), ("a", 0), ("b", 0), ("ab", -1), ("ba", -1));
        Assert.Equal([259, 262, 260], tokenizer.Encode("aba"));
        Assert.Equal([259, 263, 261], tokenizer.Encode("bab"));
    }

    [Fact]
    public void TheBetterScoreMergesFirst()
    {
        Tokenizer tokenizer = Make(("▁", 0), ("a", 0), ("b", 0), ("ab", -2), ("ba", -1));
        Assert.Equal([259, 260, 263], tokenizer.Encode("aba"));
    }

    [Fact]
    public void UnknownCharactersBecomeTheirBytes()
    {
        Tokenizer tokenizer = Make(("▁", 0), ("a", 0));
        Assert.Equal([259, 260, 3 + 0xF0, 3 + 0x9F, 3 + 0x8E, 3 + 0x88, 260], tokenizer.Encode("a🎈a"));
    }

    [Fact]
    public void SpecialTextIsTextUnlessAsked()
    {
        const string text = "a</s><s>b";
        Assert.DoesNotContain(Small.Encode(text), id => id <= 2);
        Assert.Equal(text, Small.Decode(Small.Encode(text)));

        int[] parsed = Small.Encode(text, parseSpecial: true);
        Assert.Equal([.. Small.Encode("a"), 2, 1, .. Small.Encode("b")], parsed);
    }

    [Fact]
    public void BosIsAddedOnceAndOnlyWhenAsked()
    {
        Assert.Equal([1, .. Small.Encode("Lily")], Small.Encode("Lily", addBos: true));
        Assert.Equal([1], Small.Encode("", addBos: true));
        Assert.Empty(Small.Encode(""));
    }

    [Fact]
    public void ALongTextIsEncodedInReasonableTime()
    {
        string text = string.Concat(Enumerable.Repeat(TokenizerFixtures.Story, 600));
        Assert.Equal(text, Small.Decode(Small.Encode(text)));
    }

    [Fact]
    public void AnIdOutsideTheVocabularyIsAnError()
    {
        Assert.Throws<MokaException>(() => Small.Decode([400]));
        Assert.Throws<MokaException>(() => Small.Decode([-1]));
        Assert.Throws<MokaException>(() => Small.Piece(400));
    }

    [Theory]
    [InlineData("a", "a")]
    [InlineData("a", "")]
    [InlineData("a", "<s>")]
    public void PiecesThatCannotBeAVocabularyAreAnError(string first, string second) =>
        Assert.Throws<MokaException>(() => Make((first, 0), (second, 0)));

    [Fact]
    public void ScoresAndTheFixedPiecesAreChecked()
    {
        Assert.Throws<MokaException>(() => Make(("a\uD800", 0)));
        Assert.Throws<MokaException>(() => Make(("a", float.NaN)));
        Assert.Throws<MokaException>(() => Make((new string('a', 2000), 0)));
        Assert.Throws<MokaException>(() => Llama2Layout.Create(["<unk>", "<s>", "</s>", "<0x00>"], [0, 0, 0, 0]));
        string[] wrong = [.. Enumerable.Range(0, 259).Select(Llama2Layout.Piece)];
        wrong[5] = "x";
        Assert.Throws<MokaException>(() => Llama2Layout.Create(wrong, new float[259]));
    }

    private static SentencePieceTokenizer Make(params (string Piece, float Score)[] pieces) => Llama2Layout.Create(
        [.. Enumerable.Range(0, 259).Select(Llama2Layout.Piece), .. pieces.Select(piece => piece.Piece)],
        [.. new float[259], .. pieces.Select(piece => piece.Score)]);

    private static string Valid(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
