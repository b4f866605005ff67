using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Tests.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Data;

public class TextDatasetTests
{
    private static readonly Tokenizer Small = TokenizerFixtures.Small;
    private static readonly string[] Documents = TokenizerFixtures.Story.Trim().Split('\n');

    [Fact]
    public void DocumentsLieEndToEndBetweenBosAndEos()
    {
        TextDataset dataset = new(Small, Documents, context: 8, seed: 1);
        int[] expected = [.. Documents.SelectMany(document => (int[])[1, .. Small.Encode(document), 2])];
        Assert.Equal(expected, dataset.Tokens.ToArray());
    }

    [Fact]
    public void WithoutBosAndEosTheDocumentsAloneLieEndToEnd()
    {
        Tokenizer bare = TokenizerFixtures.WithEnds(bos: false, eos: false);
        TextDataset dataset = new(bare, Documents, context: 8, seed: 1);
        Assert.Equal(Documents.SelectMany(document => bare.Encode(document)), dataset.Tokens.ToArray());
    }

    [Fact]
    public void AWindowIsAPieceOfTheTextAndEveryPositionHasATarget()
    {
        TextDataset dataset = new(Small, Documents, context: 8, seed: 1);
        TokenBatch batch = new();
        dataset.FillBatch(batch, step: 5, batchSize: 3);
        Assert.Equal([0, 8, 16, 24], batch.SequenceStarts.ToArray());
        Assert.Equal(24, batch.TargetCount);
        for (int row = 0; row < 3; row++)
        {
            int[] window = [.. batch.Tokens.Slice(8 * row, 8).Span, batch.Targets.Span[8 * row + 7]];
            Assert.True(dataset.Tokens.Span.IndexOf(window) >= 0);
            Assert.Equal(window[1..], batch.Targets.Slice(8 * row, 8).ToArray());
        }
    }

    [Fact]
    public void WindowsDependOnSeedStepAndRowAlone()
    {
        TextDataset one = new(Small, Documents, context: 8, seed: 1);
        TextDataset other = new(Small, Documents, context: 8, seed: 1);
        int[] early = Fill(one, 3);
        Assert.NotEqual(early, Fill(one, 4));
        Assert.Equal(early, Fill(other, 3));
        Assert.Equal(early, Fill(one, 3));
        Assert.NotEqual(early, Fill(new TextDataset(Small, Documents, context: 8, seed: 2), 3));
    }

    [Fact]
    public void EveryWindowIsReached()
    {
        int[] tokens = new TextDataset(Small, ["ball ball"], context: 1, seed: 1).Tokens.ToArray();
        TextDataset dataset = new(Small, ["ball ball"], context: tokens.Length - 2, seed: 1);
        TokenBatch batch = new();
        HashSet<int> firsts = [];
        for (int step = 0; step < 30; step++)
        {
            dataset.FillBatch(batch, step, 1);
            firsts.Add(batch.Tokens.Span[0]);
        }

        Assert.Equal([tokens[0], tokens[1]], firsts.Order());
    }

    [Fact]
    public void TextShorterThanAWindowIsAnError()
    {
        int length = Small.Encode("ball").Length + 2;
        Assert.Equal(length, new TextDataset(Small, ["ball"], length - 1, seed: 1).Tokens.Length);
        Assert.Throws<MokaException>(() => new TextDataset(Small, ["ball"], length, seed: 1));
    }

    private static int[] Fill(TextDataset dataset, long step)
    {
        TokenBatch batch = new();
        dataset.FillBatch(batch, step, 2);
        return batch.Tokens.ToArray();
    }
}
