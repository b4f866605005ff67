using MoKA.Native.Llama.Generation;

namespace MoKA.Native.Tests.Llama;

/// <summary>The choice of the next token: greedy, and draws that follow the options' distribution.</summary>
public sealed class SamplerTests
{
    private const int Draws = 20_000;
    private static readonly float[] Logits = [1, 3, 2, -5, 3];

    [Fact]
    public void Greedy_takes_the_likeliest_and_of_equals_the_lower_id() => Assert.Equal(1, new Sampler(new GenerationOptions()).Next(Logits, 0));

    [Theory]
    [InlineData(1, 1f)]
    [InlineData(0, 1e-6f)]
    public void The_narrowest_top_k_and_top_p_are_greedy(int topK, float topP)
    {
        Sampler sampler = new(new GenerationOptions { Temperature = 2, TopK = topK, TopP = topP });
        Assert.All(Enumerable.Range(0, 50), draw => Assert.Equal(1, sampler.Next(Logits, draw)));
        // More equal logits than any sort keeps in order by chance.
        Assert.Equal(0, sampler.Next(new float[1000], 0));
    }

    [Fact]
    public void Draws_depend_on_seed_and_number_alone()
    {
        int[] Run(ulong seed) => [.. Enumerable.Range(0, 40).Select(draw => new Sampler(new GenerationOptions { Temperature = 1, Seed = seed }).Next(Logits, draw))];
        Assert.Equal(Run(3), Run(3));
        Assert.NotEqual(Run(3), Run(4));
        Sampler reused = new(new GenerationOptions { Temperature = 1, Seed = 3 });
        reused.Next(new float[9], 0);
        Assert.Equal(Run(3), Enumerable.Range(0, 40).Select(draw => reused.Next(Logits, draw)));
    }

    [Theory]
    [InlineData(1, 0, 1)]
    [InlineData(0.5, 0, 1)]
    [InlineData(3, 0, 1)]
    [InlineData(1, 3, 1)]
    [InlineData(1, 0, 0.9)] // the two best reach 0.803, the third 0.95
    [InlineData(2, 4, 0.6)]
    public void Frequencies_are_the_probabilities_of_the_kept_tokens(double temperature, int topK, double topP)
    {
        int[] order = [1, 4, 2, 0, 3];
        double[] weights = [.. order.Select(id => Math.Exp(Logits[id] / temperature))];
        int kept = topK == 0 ? weights.Length : topK;
        double all = weights.Take(kept).Sum(), sum = 0;
        int count = 0;
        while (count < kept && sum < topP * all) sum += weights[count++];

        Sampler sampler = new(new GenerationOptions { Temperature = (float)temperature, TopK = topK, TopP = (float)topP, Seed = 8 });
        int[] seen = new int[Logits.Length];
        for (int draw = 0; draw < Draws; draw++) seen[sampler.Next(Logits, draw)]++;
        for (int i = 0; i < order.Length; i++)
        {
            double p = i < count ? weights[i] / sum : 0;
            Assert.InRange(seen[order[i]], Draws * p - 4.5 * Math.Sqrt(Draws * p * (1 - p)) - 1e-3, Draws * p + 4.5 * Math.Sqrt(Draws * p * (1 - p)) + 1e-3);
        }
    }

    [Theory]
    [InlineData(-1f, 0, 1f, 1)]
    [InlineData(float.NaN, 0, 1f, 1)]
    [InlineData(float.PositiveInfinity, 0, 1f, 1)]
    [InlineData(1f, -1, 1f, 1)]
    [InlineData(1f, 0, 0f, 1)]
    [InlineData(1f, 0, 1.1f, 1)]
    [InlineData(1f, 0, float.NaN, 1)]
    [InlineData(1f, 0, 1f, -1)]
    public void Options_out_of_range_are_refused(float temperature, int topK, float topP, int maxTokens) =>
        ErrorLine.Of(() => new Sampler(new GenerationOptions { Temperature = temperature, TopK = topK, TopP = topP, MaxTokens = maxTokens }));
}
