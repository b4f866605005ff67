using System.Text;
using FsCheck.Xunit;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

/// <summary>Vocabularies of other layouts than LLaMA-2's: ids anywhere, no bytes, pieces of every type.</summary>
public class SentencePieceTokenizerTests
{
    [Fact]
    public void IdsLieWhereTheArraysPutThem()
    {
        SentencePieceTokenizer tokenizer = Make(bos: 6, eos: 0, unk: 3, ("</s>", 0, 3), ("a", -5, 1), ("b", -6, 1), ("<unk>", 0, 2), ("▁", -4, 1), ("ab", -1, 1), ("<s>", 0, 3), ("▁a", -2, 1));
        Assert.Equal((6, 0, 3), (tokenizer.BosId, tokenizer.EosId, tokenizer.UnknownId));
        Assert.Equal([0, 3, 6], tokenizer.ControlIds);
        Assert.Equal([6, 4, 5, 7], tokenizer.Encode("ab a", addBos: true));
        Assert.Equal("ab a", tokenizer.Decode([6, 4, 5, 7, 0]));
    }

    [Fact]
    public void BytesMayLieAnywhere()
    {
        (string, float, int)[] bytes = [.. Enumerable.Range(0, 256).Select(value => (Llama2Layout.BytePiece(255 - value), 0f, 6))];
        SentencePieceTokenizer tokenizer = Make(null, null, null, [("▁", 0, 1), .. bytes]);
        Assert.Equal([0, 1 + 255 - 0xC3, 1 + 255 - 0xA9], tokenizer.Encode("é"));
        Assert.Equal("é🎈", tokenizer.Decode(tokenizer.Encode("é🎈")));
        Assert.Equal((null, null, null), (tokenizer.BosId, tokenizer.EosId, tokenizer.UnknownId));
        Assert.Equal(tokenizer.Encode("é"), tokenizer.Encode("é", addBos: true));
    }

    [Fact]
    public void WithoutBytesNeighbouringUnknownCharactersAreOneUnknown()
    {
        SentencePieceTokenizer tokenizer = Few();
        Assert.Equal([3, 0, 6, 0], tokenizer.Encode("éxabé"));
        Assert.Equal([7, 0, 2, 3, 0], tokenizer.Encode("aé</s>é", parseSpecial: true));
        Assert.Equal("aa", tokenizer.Decode([7, 0, 4]));
    }

    [Fact]
    public void CharactersWithoutAPieceMayBePartsOfOne()
    {
        SentencePieceTokenizer tokenizer = Make(null, null, 0, ("<unk>", 0, 2), ("▁", -1, 1), ("xy", -2, 1), ("xyz", -3, 1), ("𠀀é", -4, 1));
        Assert.Equal([1, 2, 3, 0, 4, 0], tokenizer.Encode("xyxyzx𠀀é𠀀"));
    }

    [Fact]
    public void AUserDefinedPieceIsTakenWholeAndPartsNothingElse()
    {
        SentencePieceTokenizer tokenizer = Make(null, null, 0, ("<unk>", 0, 2), ("▁", -4, 1), ("a", -5, 1), ("b", -6, 1), ("ab", -1, 1), ("bab", 0, 4), ("babb", 0, 4), ("▁ b", 0, 4));
        Assert.Equal([1, 2, 5, 2], tokenizer.Encode("ababa"));
        Assert.Equal([1, 2, 6, 2], tokenizer.Encode("ababba"));
        Assert.Equal([1, 2, 7, 2], tokenizer.Encode("a  ba"));
        Assert.Equal("a  ba", tokenizer.Decode([1, 2, 7, 2]));
    }

    [Fact]
    public void AnUnusedPieceIsTakenApartAgain()
    {
        // abc is made of the unused ab, so ab must come up; alone it falls back to its parts.
        SentencePieceTokenizer tokenizer = Make(null, null, 0, ("<unk>", 0, 2), ("▁", -9, 1), ("a", -5, 1), ("b", -6, 1), ("c", -7, 1), ("ab", -1, 5), ("abc", -2, 1), ("abab", -3, 5));
        Assert.Equal([1, 6, 2, 3], tokenizer.Encode("abcab"));
        Assert.Equal([1, 2, 3, 2, 3], tokenizer.Encode("abab"));
    }

    [Theory]
    [InlineData(DummyPrefix.None, "a</s>a a", new[] { 4, 2, 4, 7 })]
    [InlineData(DummyPrefix.Always, "a</s>a a", new[] { 7, 2, 7, 7 })]
    [InlineData(DummyPrefix.UnlessSpaced, "a</s>a a", new[] { 7, 2, 7, 7 })]
    [InlineData(DummyPrefix.First, "a</s>a a", new[] { 7, 2, 4, 7 })]
    [InlineData(DummyPrefix.Always, " a</s> a", new[] { 3, 7, 2, 3, 7 })]
    [InlineData(DummyPrefix.UnlessSpaced, " a</s> a", new[] { 7, 2, 7 })]
    [InlineData(DummyPrefix.First, " a</s> a", new[] { 7, 2, 7 })]
    [InlineData(DummyPrefix.First, "</s>a", new[] { 2, 4 })]
    [InlineData(DummyPrefix.Always, "</s>", new[] { 2 })]
    public void ThePrefixGoesWhereItsRuleSays(DummyPrefix prefix, string text, int[] ids)
    {
        SentencePieceTokenizer tokenizer = new(new SentencePieceParts
        {
            Pieces = [.. TokenizerFiles.FewPieces.Select(piece => piece.Piece)],
            Scores = [.. TokenizerFiles.FewPieces.Select(piece => piece.Score)],
            Types = [.. TokenizerFiles.FewPieces.Select(piece => (PieceType)piece.Type)],
            Prefix = prefix,
        });
        Assert.Equal(ids, tokenizer.Encode(text, parseSpecial: true));
        Assert.Equal(ids, Reloaded(tokenizer).Encode(text, parseSpecial: true));
    }

    [Property(MaxTest = 500)]
    public void MergingEqualsTheNaiveDefinition(int seed)
    {
        SentencePieceTokenizer tokenizer = TokenizerFixtures.Random(seed);
        foreach (string text in (string[])[RandomTexts.Runs(seed) + RandomTexts.Mixed(seed), RandomTexts.Letters(seed), RandomTexts.Letters(~seed) + " " + RandomTexts.Letters(seed)])
            Assert.Equal(TokenizerFixtures.NaiveEncode(tokenizer, text), tokenizer.Encode(text));
    }

    [Property(MaxTest = 300)]
    public void WordsMergeTheSameApartAndTogether(int seed)
    {
        // With a piece that has a space inside no word is cut off; a score below all others lets it never come up first.
        SentencePieceTokenizer apart = TokenizerFixtures.Random(seed, spacesInside: false);
        SentencePieceTokenizer together = Llama2Layout.Create(
            [.. Enumerable.Range(0, apart.VocabularySize).Select(apart.Piece), "q▁", "q"], [.. Enumerable.Range(0, apart.VocabularySize).Select(apart.Score), -99, -99]);
        string text = RandomTexts.Runs(seed) + "abc ca  ab" + RandomTexts.Mixed(seed);
        Assert.Equal(apart.Encode(text), together.Encode(text));
    }

    [Fact]
    public void ArraysThatDoNotFitAreAnError()
    {
        ErrorLine.Of(() => SentencePieceTokenizer.Create(["a"], [0, 0], [1], null, null, null), "1 pieces, 2 scores and 1 types");
        ErrorLine.Of(() => Make(null, null, null, ("a", 0, 1)), "byte pieces or an unknown piece");
        ErrorLine.Of(() => Make(null, null, 0, ("<unk>", 0, 2), ("<0x41>", 0, 6)), "<0x00>", "got 1");
        ErrorLine.Of(() => Make(null, null, 0, ("<unk>", 0, 2), ("A", 0, 6)), "piece 1", "'A'");
        ErrorLine.Of(() => Make(9, null, 0, ("<unk>", 0, 2)), "BOS", "9");
        ErrorLine.Of(() => Make(null, -1, 0, ("<unk>", 0, 2)), "EOS", "-1");
        ErrorLine.Of(() => Make(null, null, 0, ("<unk>", 0, 2), ("a", 0, 0)), "1 to 6", "0");
    }

    private static SentencePieceTokenizer Few() => Make(1, 2, 0, [.. TokenizerFiles.FewPieces]);

    private static SentencePieceTokenizer Make(int? bos, int? eos, int? unk, params (string Piece, float Score, int Type)[] pieces) =>
        SentencePieceTokenizer.Create([.. pieces.Select(p => p.Piece)], [.. pieces.Select(p => p.Score)], [.. pieces.Select(p => p.Type)], bos, eos, unk);

    private static Tokenizer Reloaded(Tokenizer tokenizer)
    {
        using MemoryStream stream = new();
        TokenizerJson.Write(tokenizer, stream);
        return TokenizerJson.Parse(stream.ToArray(), "saved");
    }
}
