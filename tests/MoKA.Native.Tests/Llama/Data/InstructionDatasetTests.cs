using FsCheck;
using FsCheck.Xunit;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Tests.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Data;

public class InstructionDatasetTests
{
    private static readonly Tokenizer Small = TokenizerFixtures.Small;

    [Fact]
    public void AnExampleIsBosPromptResponseEos()
    {
        AlpacaRecord record = new("Who?", "Lily had a ball.", "Lily");
        Example example = Example.Encode(Small, AlpacaTemplate.Short, record);
        int[] prompt = Small.Encode(AlpacaTemplate.Short.Prompt(record), addBos: true);
        Assert.Equal(prompt, example.Tokens[..example.PromptLength]);
        Assert.Equal([.. Small.Encode("Lily"), Small.EosId!.Value], example.Tokens[example.PromptLength..]);
        Assert.Equal(1, example.Tokens.Count(id => id == Small.BosId));
    }

    [Fact]
    public void ATokenizerWithoutEosCannotMakeExamplesAndOneWithoutBosNeedsNone()
    {
        AlpacaRecord record = new("Who?", "Lily had a ball.", "Lily");
        ErrorLine.Of(() => Example.Encode(TokenizerFixtures.WithEnds(bos: true, eos: false), AlpacaTemplate.Short, record), "EOS", "eos_token");
        Tokenizer endOnly = TokenizerFixtures.WithEnds(bos: false, eos: true);
        Example example = Example.Encode(endOnly, AlpacaTemplate.Short, record);
        Assert.Equal(endOnly.Encode(AlpacaTemplate.Short.Prompt(record)), example.Tokens[..example.PromptLength]);
    }

    [Fact]
    public void TheLossSeesTheResponseAndEosOnly()
    {
        InstructionDataset dataset = Make([new("Who?", "Lily had a ball.", "Lily")]);
        TokenBatch batch = new();
        dataset.FillBatch(batch, step: 0, batchSize: 1);
        Example example = dataset.Examples[0];
        int[] response = example.Tokens[example.PromptLength..];
        Assert.Equal(example.Tokens[..^1], batch.Tokens.ToArray());
        Assert.Equal([.. Enumerable.Repeat(-100, example.PromptLength - 1), .. response], batch.Targets.ToArray());
        Assert.Equal(Small.EosId!.Value, batch.Targets.Span[^1]);
        Assert.Equal(response.Length, batch.TargetCount);
    }

    [Fact]
    public void WhatIsDroppedIsCounted()
    {
        AlpacaRecord fits = new("Who?", "", "Lily");
        int length = Example.Encode(Small, AlpacaTemplate.Short, fits).Tokens.Length;
        AlpacaRecord[] records = [fits, fits with { Output = "Lily ball ball ball" }, fits with { Output = "" }, fits, fits with { Output = "" }];
        InstructionDataset dataset = new(Small, AlpacaTemplate.Short, records, length, seed: 1);
        Assert.Equal((2, 1, 2), (dataset.Examples.Count, dataset.DroppedTooLong, dataset.DroppedWithoutTarget));
        MokaException error = Assert.Throws<MokaException>(() => new InstructionDataset(Small, AlpacaTemplate.Short, records, length - 1, seed: 1));
        Assert.Contains("3 too long, 2 without a response", error.Message);
    }

    [Fact]
    public void AnEpochVisitsEveryExampleOnceAndEpochsDiffer()
    {
        InstructionDataset dataset = Make(Numbered(10));
        int[] first = Order(dataset, 0, 10, 1);
        int[] second = Order(dataset, 10, 10, 1);
        Assert.Equal(Enumerable.Range(0, 10), first.Order());
        Assert.Equal(Enumerable.Range(0, 10), second.Order());
        Assert.NotEqual(first, second);
        Assert.NotEqual(first, Enumerable.Range(0, 10));
        Assert.NotEqual(first, Order(Make(Numbered(10), seed: 8), 0, 10, 1));
    }

    [Fact]
    public void BatchesRunOverTheEndOfAnEpoch() =>
        Assert.Equal(Order(Make(Numbered(10)), 0, 20, 1), Order(Make(Numbered(10)), 0, 5, 4));

    [Fact]
    public void ABatchDependsOnTheStepAndNotOnTheCalls()
    {
        InstructionDataset dataset = Make(Numbered(10));
        int[] forwards = [.. Enumerable.Range(0, 12).SelectMany(step => Order(dataset, step, 1, 3))];
        int[] backwards = [.. Enumerable.Range(0, 12).Reverse().Select(step => Order(dataset, step, 1, 3)).Reverse().SelectMany(order => order)];
        Assert.Equal(forwards, backwards);
    }

    [Property(MaxTest = 60)]
    public void AnyCountIsPermuted(ulong seed, ulong stream, PositiveInt size)
    {
        int count = size.Get % 300 + 1;
        Assert.Equal(Enumerable.Range(0, count), Enumerable.Range(0, count).Select(place => CounterPermutation.At(seed, stream, place, count)).Order());
    }

    [Fact]
    public void EveryExampleComesFirstEquallyOften()
    {
        int[] counts = new int[7];
        for (ulong epoch = 0; epoch < 7000; epoch++)
        {
            counts[CounterPermutation.At(3, epoch, 0, 7)]++;
        }

        Assert.All(counts, count => Assert.InRange(count, 850, 1150));
    }

    private static InstructionDataset Make(IEnumerable<AlpacaRecord> records, ulong seed = 7) =>
        new(Small, AlpacaTemplate.Short, records, maxLength: 512, seed);

    private static IEnumerable<AlpacaRecord> Numbered(int count) =>
        Enumerable.Range(0, count).Select(i => new AlpacaRecord("Count.", new string('a', i), "ball"));

    private static int[] Order(InstructionDataset dataset, long firstStep, int steps, int batchSize)
    {
        TokenBatch batch = new();
        List<int> order = [];
        List<int[]> fed = [.. dataset.Examples.Select(example => example.Tokens[..^1])];
        for (long step = firstStep; step < firstStep + steps; step++)
        {
            dataset.FillBatch(batch, step, batchSize);
            ReadOnlySpan<int> starts = batch.SequenceStarts.Span;
            for (int row = 0; row < batchSize; row++)
            {
                int[] tokens = batch.Tokens[starts[row]..starts[row + 1]].ToArray();
                order.Add(fed.FindIndex(tokens.SequenceEqual));
            }
        }

        return [.. order];
    }
}
