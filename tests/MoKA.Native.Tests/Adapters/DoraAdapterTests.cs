using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Nn;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Adapters;

/// <summary>Weight-decomposed adapters keep the contract, with the rows' lengths as constants on the way back.</summary>
public sealed class DoraAdapterTests : AdapterContract<DoraAdapterTests.Subject>
{
    [Theory]
    [InlineData(FrozenMaps.Float)]
    [InlineData(FrozenMaps.Int4)]
    public void Lengths_follow_the_factors(string map)
    {
        ILinear frozen = FrozenMaps.Create(map, AdapterCase.Outputs, AdapterCase.Inputs);
        DoraAdapter adapter = (DoraAdapter)Subject.Cases["rank 4"].CreateTrained(frozen);
        using Tape tape = new(Cpus.Widest, gradients: false);
        using Parameter x = Draw.Parameter(1, new Shape(3, AdapterCase.Inputs));
        for (ulong change = 0; change < 3; change++)
        {
            tape.Reset();
            float[] actual = adapter.Forward(tape, frozen, x).Data.ToArray();
            double[] expected = Subject.Define(adapter, new ExactNumbers(), FrozenMaps.Dense(frozen), Draw.Exact(x), Draw.Exact(x)).Data;
            Assert.True(Norms.Distance(expected, actual) <= 1e-5 * Norms.Of(expected));
            if (change == 0) adapter.A.FillNormal(0.4f, seed: 5, change);
            else adapter.B.FillNormal(0.4f, seed: 6, change);
        }
    }

    [Fact]
    public void A_row_of_zeros_stays_one()
    {
        using Parameter weight = Draw.Parameter(1, new Shape(3, 4));
        weight.Data[4..8].Clear();
        Linear frozen = new(weight);
        DoraAdapter adapter = new(frozen, new LoraOptions { Rank = 2 }, seed: 1, stream: 0);
        using Tape tape = new(Cpus.Widest, gradients: false);
        using Parameter x = Draw.Parameter(2, new Shape(2, 4));
        Tensor y = adapter.Forward(tape, frozen, x);
        Assert.Equal((0f, 0f), (y.Data[1], y.Data[4]));
        float[] merged = weight.Data.ToArray();
        adapter.Merge(merged);
        Bits.Equal(weight.Data, merged, "the merged weight of a fresh adapter");
    }

    /// <summary>The configurations and the definition.</summary>
    public sealed class Subject : IAdapterSubject
    {
        public static IReadOnlyDictionary<string, AdapterCase> Cases { get; } = new Dictionary<string, AdapterCase>
        {
            ["rank 4"] = Case(new LoraOptions { Rank = 4 }, 4 * (32 + 64) + 32),
            ["rank-stabilised"] = Case(new LoraOptions { Rank = 3, Alpha = 4, RankStabilized = true }, 3 * (32 + 64) + 32),
            ["dropout"] = Case(new LoraOptions { Rank = 5, Dropout = 0.25f }, 5 * (32 + 64) + 32),
        };

        public static float Dropout(Adapter adapter) => ((DoraAdapter)adapter).Options.Dropout;

        static Matrix<double> IAdapterSubject.Output(Adapter adapter, ExactNumbers numbers, Matrix<double> weight, Matrix<double> x, Matrix<double> dropped) =>
            Define((DoraAdapter)adapter, numbers, weight, x, dropped);

        /// <summary>(m / n) ⊙ (W x + s B A d), where n is computed from the factors as they stand and does not move with them.</summary>
        internal static Matrix<double> Define(DoraAdapter dora, ExactNumbers numbers, Matrix<double> weight, Matrix<double> x, Matrix<double> dropped)
        {
            Matrix<double> sum = AdaptedReference.Additive(weight, LowRank.Delta(dora.Options, numbers.Of(dora.A), numbers.Of(dora.B)), x, dropped);
            Matrix<double> fixedWeight = Textbook.Add(weight, LowRank.Delta(dora.Options, Draw.Exact(dora.A), Draw.Exact(dora.B)));
            double[] lengths = [.. Enumerable.Range(0, weight.Rows).Select(i => Math.Sqrt(Enumerable.Range(0, weight.Columns).Sum(j => fixedWeight[i, j] * fixedWeight[i, j])))];
            double[] magnitude = numbers.Of(dora.Magnitude).Data;
            return Textbook.Build<double>(sum.Rows, sum.Columns, (t, i) => sum[t, i] * magnitude[i] / lengths[i]);
        }

        private static AdapterCase Case(LoraOptions options, long parameters) => new(frozen => new DoraAdapter(frozen, options, seed: 7, stream: 0), parameters);
    }
}
