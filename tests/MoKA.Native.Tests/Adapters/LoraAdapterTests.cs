using MoKA.Native.Adapters;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Adapters;

/// <summary>Low-rank adapters keep the contract; their scale is that of their options.</summary>
public sealed class LoraAdapterTests : AdapterContract<LoraAdapterTests.Subject>
{
    [Theory]
    [InlineData(16, null, false, 1f)]
    [InlineData(16, 32f, false, 2f)]
    [InlineData(16, 32f, true, 8f)]
    [InlineData(16, null, true, 4f)]
    public void The_scale_is_alpha_over_the_rank_or_its_root(int rank, float? alpha, bool stabilized, float scale) =>
        Assert.Equal(scale, new LoraOptions { Rank = rank, Alpha = alpha, RankStabilized = stabilized }.Scale);

    [Fact]
    public void Options_out_of_range_are_named()
    {
        void Refused(LoraOptions options, string named) => Assert.Contains(named, Assert.Throws<MokaException>(() => new LoraAdapter(4, 4, options, 1, 0)).Message);
        Refused(new LoraOptions { Rank = 0 }, "Rank");
        Refused(new LoraOptions { Alpha = float.NaN }, "Alpha");
        Refused(new LoraOptions { Dropout = 1 }, "Dropout");
    }

    /// <summary>The configurations and the definition.</summary>
    public sealed class Subject : IAdapterSubject
    {
        public static IReadOnlyDictionary<string, AdapterCase> Cases { get; } = new Dictionary<string, AdapterCase>
        {
            ["rank 4"] = Case(new LoraOptions { Rank = 4 }, 4 * (32 + 64)),
            ["rank 1 scaled"] = Case(new LoraOptions { Rank = 1, Alpha = 3 }, 32 + 64),
            ["rank-stabilised"] = Case(new LoraOptions { Rank = 9, Alpha = 6, RankStabilized = true }, 9 * (32 + 64)),
            ["dropout"] = Case(new LoraOptions { Rank = 5, Dropout = 0.25f }, 5 * (32 + 64)),
        };

        public static float Dropout(Adapter adapter) => ((LoraAdapter)adapter).Options.Dropout;

        static Matrix<double> IAdapterSubject.Output(Adapter adapter, ExactNumbers numbers, Matrix<double> weight, Matrix<double> x, Matrix<double> dropped)
        {
            LoraAdapter lora = (LoraAdapter)adapter;
            return AdaptedReference.Additive(weight, LowRank.Delta(lora.Options, numbers.Of(lora.A), numbers.Of(lora.B)), x, dropped);
        }

        private static AdapterCase Case(LoraOptions options, long parameters) => new(frozen => new LoraAdapter(frozen.Out, frozen.In, options, seed: 7, stream: 0), parameters);
    }
}

/// <summary>The definition of a low-rank update: α / r B A, or α / √r B A.</summary>
internal static class LowRank
{
    public static Matrix<double> Delta(LoraOptions options, Matrix<double> a, Matrix<double> b) =>
        Textbook.Scaled((options.Alpha ?? options.Rank) / (options.RankStabilized ? Math.Sqrt(options.Rank) : options.Rank), Textbook.MatMul(b, a));
}
