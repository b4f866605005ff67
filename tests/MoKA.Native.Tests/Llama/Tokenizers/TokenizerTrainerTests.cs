using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

public class TokenizerTrainerTests
{
    [Fact]
    public void TheFirstMergesAreThoseOfTheTextbook()
    {
        // Words ▁low x5, ▁lower x2, ▁newest x6, ▁widest x3; equal counts fall to the ordinally smaller pair.
        string text = string.Join(' ', Enumerable.Repeat("low", 5).Concat(Enumerable.Repeat("lower", 2))
            .Concat(Enumerable.Repeat("newest", 6)).Concat(Enumerable.Repeat("widest", 3)));
        Tokenizer tokenizer = TokenizerTrainer.Train([text], 259 + 11 + 5);
        Assert.Equal(["es", "est", "lo", "low", "▁low"], Enumerable.Range(259, 5).Select(tokenizer.Piece));
        Assert.Equal("e", tokenizer.Piece(264 + 0));
    }

    [Fact]
    public void TheResultIsTheSameEveryTimeAndForAnyOrderOfDocuments()
    {
        string[] documents = TokenizerFixtures.Story.Split('\n');
        Tokenizer one = TokenizerTrainer.Train(documents, 380);
        Tokenizer other = TokenizerTrainer.Train(documents.Reverse(), 380);
        Assert.Equal(380, one.VocabularySize);
        Assert.Equal(Pieces(one), Pieces(other));
    }

    [Fact]
    public void NoPieceCrossesAWordADigitALineOrPunctuation()
    {
        foreach (string piece in Pieces(TokenizerFixtures.Small).Skip(259))
        {
            Assert.DoesNotContain('▁', piece[1..]);
            string body = piece.TrimStart('▁');
            Assert.True(body.Length == 0 || body.All(char.IsLetter) || body.All(char.IsPunctuation) || piece.Length == 1, piece);
        }
    }

    [Theory]
    [InlineData("▁Lily's", "▁Lily")]
    [InlineData("▁\"Lily", "▁\"")]
    [InlineData("12", "1")]
    [InlineData("▁12", "▁")]
    [InlineData("▁▁a", "▁")]
    [InlineData("\n\n", "\n")]
    [InlineData("a\nb", "a")]
    [InlineData("...a", "...")]
    [InlineData("é\u0301t9", "é\u0301t")]
    public void WordsAreCutAtTheirBorders(string text, string word) => Assert.Equal(word, text[..WordSplitter.LengthOfWord(text)]);

    [Fact]
    public void EncodingTheTrainingTextUsesItsPieces()
    {
        Tokenizer tokenizer = TokenizerFixtures.Small;
        int[] ids = tokenizer.Encode(TokenizerFixtures.Story);
        Assert.All(ids, id => Assert.True(id >= 259));
        Assert.True(ids.Length < TokenizerFixtures.Story.Length / 2);
        Assert.Contains("▁Lily", Pieces(tokenizer));
        Assert.Contains("\n", Pieces(tokenizer));
    }

    [Fact]
    public void TrainingEqualsTheNaiveAlgorithm()
    {
        Tokenizer tokenizer = TokenizerFixtures.Small;
        List<string[]> words = [];
        string text = SentencePieceTokenizer.Escape(TokenizerFixtures.Story, true);
        for (int start = 0; start < text.Length;)
        {
            int length = WordSplitter.LengthOfWord(text.AsSpan(start));
            words.Add([.. text.Substring(start, length).Select(letter => letter.ToString())]);
            start += length;
        }

        int characters = words.SelectMany(word => word).Distinct().Count();
        HashSet<string> known = [.. words.SelectMany(word => word)];
        for (int id = 259; id < 400 - characters; id++)
        {
            (string Left, string Right) best;
            do
            {
                best = words.SelectMany(word => word.Zip(word.Skip(1))).GroupBy(pair => pair)
                    .OrderByDescending(group => group.Count())
                    .ThenBy(group => group.Key.First, StringComparer.Ordinal).ThenBy(group => group.Key.Second, StringComparer.Ordinal)
                    .First().Key;
                words = [.. words.Select(word => Joined(word, best))];
            }
            while (!known.Add(best.Left + best.Right));

            Assert.Equal(best.Left + best.Right, tokenizer.Piece(id));
        }
    }

    [Fact]
    public void ARareCharacterStaysBytesAndPartsItsWord()
    {
        Tokenizer tokenizer = TokenizerTrainer.Train([.. Enumerable.Repeat(TokenizerFixtures.Story, 40), "Liély"], 380);
        Assert.False(tokenizer.TryGetId("é", out _));
        Assert.Equal("Liély", tokenizer.Decode(tokenizer.Encode("Liély")));
    }

    [Fact]
    public void AVocabularyThatCannotBeFilledIsAnError()
    {
        Assert.Throws<MokaException>(() => TokenizerTrainer.Train(["ab"], 260));
        MokaException error = Assert.Throws<MokaException>(() => TokenizerTrainer.Train(["ab"], 5000));
        Assert.Contains("264", error.Message);
    }

    private static string[] Joined(string[] word, (string Left, string Right) pair)
    {
        List<string> joined = [];
        for (int i = 0; i < word.Length; i++)
        {
            bool here = i + 1 < word.Length && word[i] == pair.Left && word[i + 1] == pair.Right;
            joined.Add(here ? word[i] + word[++i] : word[i]);
        }

        return [.. joined];
    }

    private static string[] Pieces(Tokenizer tokenizer) =>
        [.. Enumerable.Range(0, tokenizer.VocabularySize).Select(tokenizer.Piece)];
}
