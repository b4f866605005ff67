using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Nn;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Adapters;

/// <summary>LoKr keeps the contract, whole and in factors, and cuts lengths as PEFT does.</summary>
public sealed class LokrAdapterTests : AdapterContract<LokrAdapterTests.Subject>
{
    // Computed by the rule's published code and listed in its documentation; the unsorted ones are PEFT's own.
    [Theory]
    [InlineData(768, -1, 24, 32)]
    [InlineData(1024, -1, 32, 32)]
    [InlineData(2048, -1, 32, 64)]
    [InlineData(3072, -1, 48, 64)]
    [InlineData(4096, -1, 64, 64)]
    [InlineData(5632, -1, 64, 88)]
    [InlineData(8192, -1, 64, 128)]
    [InlineData(11008, -1, 86, 128)]
    [InlineData(14336, -1, 112, 128)]
    [InlineData(127, -1, 1, 127)]
    [InlineData(250, -1, 10, 25)]
    [InlineData(360, -1, 18, 20)]
    [InlineData(4096, 8, 8, 512)]
    [InlineData(128, 16, 16, 8)]
    [InlineData(128, 64, 64, 2)]
    [InlineData(1, -1, 1, 1)]
    public void Lengths_are_cut_as_in_PEFT(int length, int factor, int outer, int inner) => Assert.Equal((outer, inner), LokrOptions.Split(length, factor));

    [Fact]
    public void Two_calls_in_one_pass_keep_their_factors_apart()
    {
        ILinear frozen = FrozenMaps.Create(FrozenMaps.Float, AdapterCase.Outputs, AdapterCase.Inputs);
        Adapter adapter = Subject.Cases["both in factors"].CreateTrained(frozen);
        using Parameter x = Draw.Parameter(1, new Shape(2, AdapterCase.Inputs));
        float[][] Gradients(int calls)
        {
            foreach (Parameter parameter in adapter.Parameters) parameter.ClearGradient();
            using Tape tape = new(Cpus.Widest);
            Tensor sum = adapter.Forward(tape, frozen, x);
            for (int i = 1; i < calls; i++) sum = Op.Add(tape, sum, adapter.Forward(tape, frozen, x));
            tape.Backward(Ops.WeightedSum.Of(tape, sum, Draw.Normal(3, sum.Shape.Count)));
            return [.. adapter.Parameters.Select(p => p.Gradient.ToArray())];
        }
        foreach ((float[] once, float[] twice) in Gradients(1).Zip(Gradients(2)))
            Assert.All(once.Zip(twice), g => Assert.Equal(2 * g.First, g.Second, 1e-3 * Math.Abs(g.First) + 1e-5));
    }

    /// <summary>The configurations and the definition.</summary>
    public sealed class Subject : IAdapterSubject
    {
        public static IReadOnlyDictionary<string, AdapterCase> Cases { get; } = new Dictionary<string, AdapterCase>
        {
            // 32 = 4 * 8 and 64 = 8 * 8: W1 [4, 8], W2 [8, 8].
            ["whole"] = Case(new LokrOptions(), 32 + 64),
            ["inner in factors"] = Case(new LokrOptions { Rank = 2, Alpha = 3 }, 32 + 2 * 16),
            ["both in factors"] = Case(new LokrOptions { Rank = 1, Alpha = 10, DecomposeBoth = true }, 12 + 16),
            ["factor 2"] = Case(new LokrOptions { Rank = 8, Factor = 2, Alpha = 4 }, 4 + 8 * (16 + 32)),
        };

        static Matrix<double> IAdapterSubject.Output(Adapter adapter, ExactNumbers numbers, Matrix<double> weight, Matrix<double> x, Matrix<double> dropped)
        {
            LokrAdapter lokr = (LokrAdapter)adapter;
            Matrix<double> Whole(FactorPair pair) => pair.Parameters.Select(numbers.Of).Aggregate(Textbook.MatMul);
            double scale = (lokr.Options.Alpha ?? lokr.Options.Rank) / (double)lokr.Options.Rank;
            return AdaptedReference.Additive(weight, Textbook.Scaled(scale, Textbook.Kronecker(Whole(lokr.Outer), Whole(lokr.Inner))), x, dropped);
        }

        private static AdapterCase Case(LokrOptions options, long parameters) => new(frozen => new LokrAdapter(frozen.Out, frozen.In, options, seed: 7, stream: 0), parameters);
    }
}
