using MoKA.Native.Autograd;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Evaluation;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Nn;
using MoKA.Native.Tests.Llama.Tokenizers;
using MoKA.Native.Tests.Llama.Training;

namespace MoKA.Native.Tests.Llama.Evaluation;

/// <summary>Perplexity by its definition, one window and one logit at a time, and by what llama.cpp prints for the same file.</summary>
public sealed class PerplexityTests
{
    private static readonly Tokenizer Tokenizer = TokenizerFixtures.Small;
    private static readonly string Text = string.Concat(Enumerable.Repeat(TokenizerFixtures.Story, 3));

    [Theory]
    [InlineData(8, false)]
    [InlineData(9, false)]
    [InlineData(4, false)]
    [InlineData(64, false)]
    [InlineData(17, true)]
    public void LlamaCppsProtocolScoresTheSecondHalfOfWholeWindows(int context, bool int8)
    {
        LlamaModel model = Model(int8);
        int[] tokens = Tokenizer.Encode(Text[..^1], addBos: true);
        List<double> expected = [];
        for (int first = 0; first + context <= tokens.Length; first += context)
        {
            int[] window = [1, .. tokens[(first + 1)..(first + context)]];
            float[] logits = Logits(model, window);
            for (int position = context / 2; position <= context - 2; position++) expected.Add(Nats(logits, position, window[position + 1]));
        }
        AssertEqual(expected, Perplexity.Evaluate(model, Tokenizer, Text, PerplexityProtocol.LlamaCpp, context, Cpus.Widest), tokens.Length / context);
        Assert.EndsWith("\n", Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(33)]
    [InlineData(128)]
    public void TheFullProtocolScoresEveryTokenOnce(int context)
    {
        LlamaModel model = Model(int8: false);
        int[] tokens = Tokenizer.Encode(Text);
        List<double> expected = [];
        foreach (int[] piece in tokens.Chunk(context - 1))
        {
            float[] logits = Logits(model, [1, .. piece]);
            for (int i = 0; i < piece.Length; i++) expected.Add(Nats(logits, i, piece[i]));
        }
        Assert.Equal(tokens.Length, expected.Count);
        AssertEqual(expected, Perplexity.Evaluate(model, Tokenizer, Text, PerplexityProtocol.Full, context, Cpus.Widest), (tokens.Length + context - 2) / (context - 1));
    }

    [Fact]
    public void TheFullProtocolIsTheLossOnOneDocument()
    {
        LlamaModel model = Model(int8: false);
        TextLoss loss = TextEvaluator.Evaluate(model, Tokenizer, [Text], window: 39, Cpus.Widest);
        Assert.Equal(loss.Perplexity, Perplexity.Evaluate(model, Tokenizer, Text, PerplexityProtocol.Full, 40, Cpus.Widest).Value, 1e-3);
    }

    [Theory]
    [InlineData("9 1 2 3|9 4 5 6|9 7", 9)]
    [InlineData("1 2 3 4|4 5 6 7")]
    public void WithoutAnOpeningTokenAPieceFollowsTheTokenBeforeIt(string expected, params int[] opening) =>
        Assert.Equal(expected, string.Join('|', Perplexity.Pieces([1, 2, 3, 4, 5, 6, 7], 4, opening).Select(window => string.Join(' ', window.Tokens))));

    [Fact]
    public void ProgressCountsWindowsAndACancellationStops()
    {
        LlamaModel model = Model(int8: false);
        string text = string.Concat(Enumerable.Repeat(Text, 12));
        List<PerplexityProgress> reports = [];
        PerplexityResult result = Perplexity.Evaluate(model, Tokenizer, text, PerplexityProtocol.Full, 100, Cpus.Widest, reports.Add);
        Assert.True(reports.Count > 1);
        Assert.Equal(reports.Select(r => r.Done).Order(), reports.Select(r => r.Done));
        Assert.Equal(new PerplexityProgress(result.Windows, result.Windows, result.NatsPerToken), reports[^1]);
        using CancellationTokenSource source = new();
        int passes = 0;
        Assert.Throws<OperationCanceledException>(() => Perplexity.Evaluate(model, Tokenizer, text, PerplexityProtocol.Full, 100, Cpus.Widest, _ =>
        {
            passes++;
            source.Cancel();
        }, source.Token));
        Assert.Equal(1, passes);
    }

    [Fact]
    public void ContextsAndTextsThatDoNotFitAreRefused()
    {
        LlamaModel model = Model(int8: false);
        void Refused(string text, PerplexityProtocol protocol, int context, params string[] naming) => ErrorLine.Of(() => Perplexity.Evaluate(model, Tokenizer, text, protocol, context, Cpus.Widest), naming);
        Refused(Text, PerplexityProtocol.Full, 3, "from 4 to the model's 128", "got 3");
        Refused(Text, PerplexityProtocol.LlamaCpp, 129, "128", "got 129");
        Refused("Lily saw", PerplexityProtocol.LlamaCpp, 40, "at least 80 tokens");
        Refused("", PerplexityProtocol.Full, 40, "token to score");
    }

    // The numbers that llama.cpp prints for these files at a context of 128, to four places.
    [SkippableTheory]
    [InlineData("stories260K", "tok512.bin", 4.4231)]
    [InlineData("babyllama_tok361", "tok361.bin", 2.1708)]
    public void PublishedModelsHaveThePerplexityThatLlamaCppPrints(string name, string tokens, double expected)
    {
        LlamaModel model = LlamaFolder.LoadModel(Fixtures.Require($"models/hf/{name}"));
        Tokenizer tokenizer = TokenizerFile.Load(Fixtures.Require($"models/llama2c/{tokens}"));
        string text = TextFile.Read(Fixtures.Require("ref/ppl_tinystories_60KB.txt"));
        PerplexityResult result = Perplexity.Evaluate(model, tokenizer, text, PerplexityProtocol.LlamaCpp, 128, Cpus.Widest);
        Assert.Equal(expected, result.Value, 2e-4);
        Assert.InRange(result.Error / result.Value, 0.001, 0.1);
    }

    // Q4_K_M's file holds Q5_0 and Q8_0 in place of K types, whose blocks of 256 its rows do not fill.
    [SkippableTheory]
    [InlineData("babyllama_tok361.Q4_1")]
    [InlineData("babyllama_tok361.Q8_0")]
    [InlineData("stories260K.Q4_K_M")]
    public void ActivationsOf8BitsMoveThePerplexityOfPublishedModelsLittle(string name)
    {
        ModelSource source = ModelSource.Open(Fixtures.Require($"models/gguf/{name}.gguf"));
        string text = TextFile.Read(Fixtures.Require("ref/ppl_tinystories_60KB.txt"));
        LlamaModel model = source.LoadModel();
        Tokenizer tokenizer = source.LoadTokenizer();
        double exact = Perplexity.Evaluate(model, tokenizer, text, PerplexityProtocol.LlamaCpp, 128, Cpus.Widest).Value;
        model.Activations = Activations.Int8;
        double rounded = Perplexity.Evaluate(model, tokenizer, text, PerplexityProtocol.LlamaCpp, 128, Cpus.Widest).Value;
        Assert.NotEqual(exact, rounded);
        Assert.Equal(exact, rounded, 0.005);
    }

    private static void AssertEqual(IReadOnlyList<double> nats, PerplexityResult actual, int windows)
    {
        double mean = nats.Average(), deviation = Math.Sqrt(nats.Sum(n => (n - mean) * (n - mean)) / nats.Count);
        Assert.Equal((nats.Count, windows), (actual.Scored, actual.Windows));
        Assert.Equal(mean, actual.NatsPerToken, 1e-5);
        Assert.Equal(deviation / Math.Sqrt(nats.Count - 1), actual.NatsError, 1e-5);
        Assert.Equal(Math.Exp(mean), actual.Value, 1e-4 * Math.Exp(mean));
        Assert.Equal(actual.Value * actual.NatsError, actual.Error, 1e-9);
    }

    private static float[] Logits(LlamaModel model, int[] tokens)
    {
        using Tape tape = new(Cpus.Widest, gradients: false);
        return model.Logits(tape, tokens, new Sequences(new[] { 0, tokens.Length })).Data.ToArray();
    }

    private static double Nats(float[] logits, int position, int id)
    {
        double[] row = [.. logits.AsSpan(position * Tokenizer.VocabularySize, Tokenizer.VocabularySize).ToArray().Select(x => (double)x)];
        return Math.Log(row.Sum(Math.Exp)) - row[id];
    }

    private static LlamaModel Model(bool int8)
    {
        LlamaModel model = TinyLlama.Create(ToyTasks.Config, int4: true);
        if (int8) model.Activations = Activations.Int8;
        return model;
    }
}
