using MoKA.Native.Autograd;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Nn;

namespace MoKA.Native.Tests.Llama;

/// <summary>Generation with a cache is the model's own forward pass, token by token and to the bit.</summary>
public sealed class GeneratorTests
{
    private static readonly int[] Text = [1, 5, 22, 7, 9, 13, 4, 4, 17, 3];

    [Theory]
    [InlineData(false, false, 1)]
    [InlineData(false, true, 3)]
    [InlineData(true, true, 4)]
    [InlineData(true, true, 2, Activations.Int8)]
    public void Cached_logits_have_the_bits_of_a_forward_pass_over_the_text(bool int4, bool adapted, int prompt, Activations activations = Activations.Float)
    {
        LlamaModel model = Model(int4, adapted);
        model.Activations = activations;
        int vocabulary = model.Config.VocabularySize;
        foreach (Cpu cpu in Cpus.All)
        {
            using Tape whole = new(cpu, gradients: false), step = new(cpu, gradients: false);
            using KvCache cache = new(model.Config, Text.Length);
            float[] expected = model.Logits(whole, Text, new Sequences(new[] { 0, Text.Length })).Data.ToArray();
            for (int end = prompt; end <= Text.Length; end++)
            {
                step.Reset();
                int[] next = Text[cache.Length..end];
                Tensor states = model.States(step, next, new Sequences(new[] { 0, next.Length }, cache.Length), cache);
                float[] last = model.Logits(step, states, new[] { next.Length - 1 }).Data.ToArray();
                Bits.Equal(expected[((end - 1) * vocabulary)..(end * vocabulary)], last, $"position {end - 1} on {cpu.InstructionSet}");
                Assert.Equal(end, cache.Length);
            }
        }
    }

    [Fact]
    public void Int8_activations_need_quantised_maps_and_have_no_gradient()
    {
        LlamaModel model = Model(int4: true, adapted: true);
        model.Activations = Activations.Int8;
        using Tape tape = new(Cpus.Widest);
        Assert.Contains("train with float activations", Assert.Throws<InvalidOperationException>(() => model.Logits(tape, Text, new Sequences(new[] { 0, Text.Length }))).Message);
        model.Activations = Activations.Float;
        Assert.Equal(Activations.Float, model.Activations);
        model.Logits(tape, Text, new Sequences(new[] { 0, Text.Length }));
        ErrorLine.Of(() => Model(int4: false, adapted: false).Activations = Activations.Int8, "quantised", "Q4_0", "F32");
    }

    [Fact]
    public void Greedy_tokens_are_the_likeliest_of_each_forward_pass()
    {
        LlamaModel model = Model(int4: true, adapted: true, endless: true);
        using Generator generator = new(model, Cpus.Widest);
        int[] generated = [.. generator.Tokens([1, 5], new GenerationOptions { MaxTokens = 8 })];
        List<int> text = [1, 5];
        using Tape tape = new(Cpus.Widest, gradients: false);
        for (int i = 0; i < 8; i++)
        {
            tape.Reset();
            float[] logits = model.Logits(tape, text.ToArray(), new Sequences(new[] { 0, text.Count })).Data[^model.Config.VocabularySize..].ToArray();
            text.Add(Array.IndexOf(logits, logits.Max()));
        }
        Assert.Equal(text[2..], generated);
        Assert.Equal(generated, generator.Tokens([1, 5], new GenerationOptions { MaxTokens = 8 }));
    }

    [Fact]
    public void A_token_that_ends_texts_stops_without_being_given()
    {
        GenerationOptions options = new() { MaxTokens = 8 };
        using Generator endless = new(Model(int4: false, adapted: false, endless: true), Cpus.Widest);
        int[] all = [.. endless.Tokens([1], options)];
        int end = all[5];
        LlamaModel model = TinyLlama.Create(TinyLlama.Config with { EosTokenIds = [end, 22] });
        using Generator stopping = new(model, Cpus.Widest);
        Assert.Equal(all.TakeWhile(id => id != end && id != 22), stopping.Tokens([1], options));
    }

    [Fact]
    public void Generation_stops_at_the_last_position_and_a_longer_prompt_is_refused()
    {
        LlamaModel model = Model(int4: false, adapted: false, endless: true);
        using Generator generator = new(model, Cpus.Widest);
        int positions = model.Config.MaxPositions;
        Assert.Equal(3, generator.Tokens(new int[positions - 3], new GenerationOptions()).Count());
        Assert.Empty(generator.Tokens(new int[positions], new GenerationOptions()));
        Assert.Empty(generator.Tokens([1], new GenerationOptions { MaxTokens = 0 }));
        ErrorLine.Of(() => generator.Tokens(new int[positions + 1], new GenerationOptions()), "25 tokens", "24");
        ErrorLine.Of(() => generator.Tokens([], new GenerationOptions()), "Prompt");
    }

    [Fact]
    public void A_cache_is_refused_more_positions_than_the_model_has()
    {
        LlamaConfig config = TinyLlama.Config;
        ErrorLine.Of(() => new KvCache(config, config.MaxPositions + 1), "24");
        ErrorLine.Of(() => new KvCache(config, 0), "KvCache");
        using KvCache cache = new(config, 2);
        using Tape tape = new(Cpus.Widest, gradients: false);
        ErrorLine.Of(() => Model(false, false).States(tape, new[] { 1, 2, 3 }, new Sequences(new[] { 0, 3 }), cache), "room for 2");
    }

    [Fact]
    public void A_text_beyond_the_positions_is_refused_in_training_too()
    {
        using Tape tape = new(Cpus.Widest);
        int[] tokens = new int[TinyLlama.Config.MaxPositions + 1];
        ErrorLine.Of(() => Model(false, false).Logits(tape, tokens, new Sequences(new[] { 0, tokens.Length })), "25", "24");
    }

    private static LlamaModel Model(bool int4, bool adapted, bool endless = false)
    {
        LlamaModel model = TinyLlama.Create(endless ? TinyLlama.Config with { EosTokenIds = [] } : TinyLlama.Config, int4);
        if (adapted) TinyLlama.Adapt(model).Attach();
        return model;
    }
}
