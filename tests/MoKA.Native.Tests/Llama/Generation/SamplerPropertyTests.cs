using FsCheck;
using FsCheck.Xunit;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Llama.Training;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Llama.Generation;

/// <summary>The sampler, which sorts as little as it can, chooses what sorting everything would choose.</summary>
public sealed class SamplerPropertyTests
{
    private static readonly float[] Temperatures = [0, 1e-3f, 0.1f, 0.7f, 1, 1.5f, 4, 100];
    private static readonly int[] Ks = [0, 0, 0, 1, 2, 3, 40, 129, 100_000];
    private static readonly float[] Ps = [1, 1, 1, 0.999f, 0.95f, 0.5f, 0.1f, 1e-7f, 1e-12f];
    private static readonly float[] MinPs = [0, 0, 0, 1e-9f, 1e-4f, 0.05f, 0.5f, 1];
    private static readonly float[] Penalties = [1, 1, 1.1f, 2, 0.5f];

    [Property(MaxTest = 2000)]
    public void EqualsTheTextbook(DoNotSize<ulong> any)
    {
        (GenerationOptions options, float[] logits, int[] text) = Case(any.Item);
        Sampler sampler = new(options);
        for (int draw = 0; draw < 5; draw++) Assert.Equal(TextbookSampler.Next(options, logits, draw, text), sampler.Next(logits, draw, text));
    }

    [Fact]
    public void EqualsTheTextbookOnAVocabularyOfALargeModel()
    {
        float[] logits = [.. Draw.Normal(1, 128_256).Select(x => 3 * x)];
        foreach (GenerationOptions options in (GenerationOptions[])[new() { Temperature = 1 }, new() { Temperature = 1, TopP = 0.9f }, new() { Temperature = 0.6f, TopK = 50, TopP = 0.9f }, new() { Temperature = 1, MinP = 0.05f }, new() { Temperature = 3 }])
        {
            Sampler sampler = new(options);
            for (int draw = 0; draw < 4; draw++) Assert.Equal(TextbookSampler.Next(options, logits, draw, []), sampler.Next(logits, draw));
        }
    }

    // All weights are 1 and the random numbers are multiples of 2^-24, so many draws fall exactly between two ids: there a sum in
    // another order must not decide.
    [Theory]
    [InlineData(1f)]
    [InlineData(0.5f)]
    public void DrawsOnTheEdgeOfAnIdAreExact(float topP)
    {
        const int vocabulary = 1 << 14;
        float[] logits = new float[vocabulary];
        GenerationOptions options = new() { Temperature = 1, TopP = topP, Seed = 3 };
        Sampler sampler = new(options);
        double Place(int draw) => (double)CounterRandom.Uniform(options.Seed, 0, (ulong)draw) * vocabulary * topP;
        int[] edges = [.. Enumerable.Range(0, 50_000).Where(draw => Place(draw) == Math.Floor(Place(draw)))];
        Assert.InRange(edges.Length, 10, 100);
        Assert.All([.. edges, .. Enumerable.Range(0, 100)], draw => Assert.Equal((int)Place(draw), sampler.Next(logits, draw)));
    }

    // 2221265 / 3204608 is so near ln 2 that all weights but the first are one half but for 2e-14: whether half of the total is
    // reached before or after an id hangs on how the sum of some hundred weights was rounded.
    [Fact]
    public void WhereTheRoundingOfTheTotalDecidesItIsThatOfTheSortedSum()
    {
        for (int others = 2; others < 3000; others += 7)
        {
            float[] logits = [.. Enumerable.Repeat(-2_221_265f, others).Prepend(0)];
            GenerationOptions options = new() { Temperature = 3_204_608, TopP = 0.5f, Seed = (ulong)others };
            Sampler sampler = new(options);
            for (int draw = 0; draw < 12; draw++) Assert.Equal(TextbookSampler.Next(options, logits, draw, []), sampler.Next(logits, draw));
        }
    }

    [Fact]
    public void AllocatesNothingOnceItsBuffersAreThere()
    {
        float[] logits = Draw.Normal(1, 5000);
        int[] text = [.. Enumerable.Range(0, 100)];
        foreach (GenerationOptions options in (GenerationOptions[])[new(), new() { Temperature = 1 }, new() { Temperature = 1, TopK = 40 }, new() { Temperature = 1, TopP = 0.9f, MinP = 0.01f, RepetitionPenalty = 1.2f }])
        {
            Sampler sampler = new(options);
            for (int draw = 0; draw < 50; draw++) sampler.Next(logits, draw, text);
            Assert.Equal(0, Allocations.Of(() => { for (int draw = 50; draw < 100; draw++) sampler.Next(logits, draw, text); }));
        }
    }

    [Fact]
    public void ThePenaltyLooksAtItsWindowAloneAndOncePerToken()
    {
        float[] logits = [2, 1.9f, -1, -1.5f];
        int Greedy(float penalty, int window, params int[] text) => new Sampler(new GenerationOptions { RepetitionPenalty = penalty, RepetitionWindow = window }).Next(logits, 0, text);
        Assert.Equal(0, Greedy(1, 64, 0, 0));
        Assert.Equal(1, Greedy(1.1f, 64, 0));
        Assert.Equal(0, Greedy(1.04f, 64, 0, 0, 0));
        Assert.Equal(0, Greedy(1.1f, 2, 0, 3, 3));
        Assert.Equal(1, Greedy(1.1f, 3, 0, 3, 3));
        Assert.Equal(1, Greedy(1.1f, 0, [0, .. Enumerable.Repeat(3, 500)]));
        // A negative logit falls too: with 0, 1 and 2 penalised by 2, 3 at -1.5 comes before 2 at -2.
        logits = [-4, -4, -1, -1.5f];
        Assert.Equal(3, Greedy(2, 64, 2));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void ANumberThatIsNotFiniteIsRefused(float number)
    {
        foreach (float temperature in (float[])[0, 1])
            Assert.Contains("Sampler", Assert.Throws<NonFiniteException>(() => new Sampler(new GenerationOptions { Temperature = temperature }).Next([1, number, 2], 0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NewOptionsOutOfRangeAreRefused()
    {
        void Refused(string naming, GenerationOptions options) => ErrorLine.Of(options.Validate, naming);
        foreach (float value in (float[])[-0.1f, 1.1f, float.NaN]) Refused("Min-p", new() { MinP = value });
        foreach (float value in (float[])[0, -1, float.NaN, float.PositiveInfinity]) Refused("Repetition penalty", new() { RepetitionPenalty = value });
        Refused("Repetition window", new() { RepetitionWindow = -1 });
        Refused("Stop strings", new() { StopStrings = ["a", ""] });
    }

    /// <summary>Options and logits that are wide, narrow, full of ties or full of zeros of both signs.</summary>
    private static (GenerationOptions Options, float[] Logits, int[] Text) Case(ulong seed)
    {
        int Below(ulong index, int bound) => CounterRandom.Below(seed, 7, index, bound);
        T Any<T>(ulong index, T[] values) => values[Below(index, values.Length)];
        int vocabulary = 1 + Below(0, Any(1, [1, 5, 40, 600]));
        float[] logits = Draw.Normal(seed, vocabulary);
        float scale = Any(2, [0.01f, 1, 5, 60, 1e30f]);
        bool ties = Below(3, 2) == 0, zeros = Below(4, 3) == 0;
        for (int i = 0; i < vocabulary; i++)
        {
            logits[i] = (ties ? MathF.Round(2 * logits[i]) / 2 : logits[i]) * scale;
            if (zeros && logits[i] > 0) logits[i] = i % 2 == 0 ? 0f : -0f;
        }
        GenerationOptions options = new()
        {
            Temperature = Any(5, Temperatures),
            TopK = Any(6, Ks),
            TopP = Any(7, Ps),
            MinP = Any(8, MinPs),
            RepetitionPenalty = Any(9, Penalties),
            RepetitionWindow = Below(10, 4),
            Seed = seed,
        };
        return (options, logits, Draw.Integers(seed, Below(11, 8), 0, vocabulary - 1));
    }
}
