using MoKA.Native.Autograd;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Nn;
using MoKA.Native.Tests.Llama.Tokenizers;
using MoKA.Native.Tests.Llama.Training;

namespace MoKA.Native.Tests.Llama.Generation;

/// <summary>Texts that are generated together are those that each prompt gives alone, to the bit.</summary>
public sealed class ManyTextsTests
{
    private static readonly int[][] Prompts = [[1, 5], [1, 7, 9, 13, 4, 4, 17, 3], [2], [1, 22, 20, 1, 4], [1, 5]];

    [Theory]
    [InlineData(false, false, Activations.Float)]
    [InlineData(false, true, Activations.Float)]
    [InlineData(true, true, Activations.Float)]
    [InlineData(true, true, Activations.Int8)]
    public void LogitsHaveTheBitsOfEachTextAlone(bool int4, bool adapted, Activations activations)
    {
        LlamaModel model = Model(int4, adapted);
        model.Activations = activations;
        int[][] texts = [[1, 5, 3, 8, 2, 11, 9], [1, 7, 9, 13, 4, 4, 17, 3, 6, 21], [2, 14, 15], [1, 22, 20, 1, 4, 16]];
        // How many tokens of each text come in each step; a text that has none left is not there.
        int[][] steps = [[2, 7, 1, 3], [1, 1, 1, 1], [3, 2, 1, 2], [1, 0, 0, 0]];
        foreach (Cpu cpu in Cpus.All)
        {
            using Tape tape = new(cpu, gradients: false);
            using KvCache together = new(model.Config, [.. texts.Select(text => text.Length)]);
            KvCache[] alone = [.. texts.Select(text => new KvCache(model.Config, text.Length))];
            foreach (int[] step in steps)
            {
                int[] members = [.. Enumerable.Range(0, texts.Length).Where(i => step[i] > 0)];
                List<int> tokens = [], starts = [0];
                foreach (int i in members)
                {
                    tokens.AddRange(texts[i].AsSpan(together.LengthOf(i), step[i]));
                    starts.Add(tokens.Count);
                }
                tape.Reset();
                Tensor states = model.States(tape, tokens.ToArray(), together.Continue(members, starts.ToArray()), together);
                float[] logits = model.Logits(tape, states, Enumerable.Range(0, tokens.Count).ToArray()).Data.ToArray();
                for (int m = 0; m < members.Length; m++)
                {
                    KvCache cache = alone[members[m]];
                    int[] own = texts[members[m]][cache.Length..together.LengthOf(members[m])];
                    tape.Reset();
                    states = model.States(tape, own, new Sequences(new[] { 0, own.Length }, cache.Length), cache);
                    float[] expected = model.Logits(tape, states, Enumerable.Range(0, own.Length).ToArray()).Data.ToArray();
                    int vocabulary = model.Config.VocabularySize;
                    Bits.Equal(expected, logits.AsSpan(starts[m] * vocabulary, expected.Length), $"text {members[m]} on {cpu.InstructionSet}");
                }
            }
            Array.ForEach(alone, cache => cache.Dispose());
        }
    }

    [Theory]
    [InlineData(0f, false)]
    [InlineData(1f, true)]
    public void TokensAndEndsAreThoseOfEachPromptAlone(float temperature, bool int8)
    {
        LlamaModel model = Model(int4: true, adapted: true);
        if (int8) model.Activations = Activations.Int8;
        using Generator generator = new(model, Cpus.Widest);
        GenerationOptions options = new() { MaxTokens = 15, Temperature = temperature, Seed = 4, StopTokens = [6, 10] };
        HashSet<EndReason> ends = [];
        IReadOnlyList<TokenCompletion> together = generator.TokensOfMany([.. Prompts, new int[20], new int[24]], options);
        for (int i = 0; i < together.Count; i++)
        {
            int[] prompt = i < Prompts.Length ? Prompts[i] : new int[i == Prompts.Length ? 20 : 24];
            GenerationResult alone = new();
            Assert.Equal(generator.Tokens(prompt, options, alone), together[i].Tokens);
            Assert.Equal(alone.End, together[i].End);
            Assert.Equal(together[i].Tokens.Count, alone.NewTokens);
            ends.Add(together[i].End);
        }
        Assert.Contains(EndReason.ContextFull, ends);
        Assert.Contains(EndReason.EndToken, ends);
    }

    [Fact]
    public void PromptsLongerThanGoAtOnceAreCutWithoutATrace()
    {
        LlamaConfig config = TinyLlama.Config with { MaxPositions = 700, EosTokenIds = [] };
        using Generator generator = new(TinyLlama.Create(config), Cpus.Widest);
        int[][] prompts = [Draw.Integers(1, 600, 0, 22), [1, 2, 3], Draw.Integers(2, 530, 0, 22)];
        GenerationOptions options = new() { MaxTokens = 3, Temperature = 1 };
        IReadOnlyList<TokenCompletion> together = generator.TokensOfMany(prompts, options);
        for (int i = 0; i < prompts.Length; i++)
        {
            using Tape tape = new(Cpus.Widest, gradients: false);
            Sampler sampler = new(options);
            List<int> text = [.. prompts[i]];
            for (int draw = 0; draw < 3; draw++)
            {
                tape.Reset();
                text.Add(sampler.Next(generatorLogits(tape, text), draw));
            }
            Assert.Equal(text[prompts[i].Length..], together[i].Tokens);
        }

        ReadOnlySpan<float> generatorLogits(Tape tape, List<int> text) =>
            TinyLlama.Create(config).Logits(tape, text.ToArray(), new Sequences(new[] { 0, text.Count })).Data[^config.VocabularySize..];
    }

    [Fact]
    public void TextsEndAtTheirOwnStopStrings()
    {
        LlamaModel model = TinyLlama.Create(ToyTasks.Config with { EosTokenIds = [] }, int4: true);
        using Generator generator = new(model, Cpus.Widest);
        string[] prompts = ["Lily saw", "One day", "The park"];
        GenerationOptions free = new() { MaxTokens = 20, Temperature = 1, Seed = 2 };
        string first = string.Concat(generator.Text(TokenizerFixtures.Small, prompts[0], free));
        GenerationOptions options = free with { StopStrings = [first.Substring(5, 3)] };
        IReadOnlyList<TextCompletion> together = generator.TextOfMany(TokenizerFixtures.Small, prompts, options);
        for (int i = 0; i < prompts.Length; i++)
        {
            GenerationResult alone = new();
            Assert.Equal(string.Concat(generator.Text(TokenizerFixtures.Small, prompts[i], options, alone)), together[i].Text);
            Assert.Equal((alone.End, alone.NewTokens), (together[i].End, together[i].Tokens));
        }
        Assert.Equal(EndReason.StopString, together[0].End);
        Assert.Equal(first[..first.IndexOf(options.StopStrings[0], StringComparison.Ordinal)], together[0].Text);
    }

    [Fact]
    public void AWrongPromptIsNamed()
    {
        using Generator generator = new(Model(false, false), Cpus.Widest);
        ErrorLine.Of(() => generator.TokensOfMany([[1], new int[25]], new GenerationOptions()), "Prompt 2", "25 tokens", "24");
        ErrorLine.Of(() => generator.TokensOfMany([[1], [], [1]], new GenerationOptions()), "Prompt 2");
        ErrorLine.Of(() => generator.TokensOfMany([[1]], new GenerationOptions { StopStrings = ["a"] }), "Stop strings");
        ErrorLine.Of(() => generator.Tokens([1], new GenerationOptions { StopStrings = ["a"] }), "Stop strings");
        Assert.Empty(generator.TokensOfMany([], new GenerationOptions()));
        Assert.Equal([EndReason.MaxTokens], generator.TokensOfMany([[1]], new GenerationOptions { MaxTokens = 0 }).Select(text => text.End));
    }

    private static LlamaModel Model(bool int4, bool adapted)
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config with { EosTokenIds = [] }, int4);
        if (adapted) TinyLlama.Adapt(model).Attach();
        return model;
    }
}
