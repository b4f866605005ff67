using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Nn;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Adapters;

/// <summary>The mixture of Kronecker adapters keeps the contract, and starts as its initialisation says.</summary>
public sealed class MokaAdapterTests : StoredAdapterContract<MokaAdapterTests.Subject>
{
    [Theory]
    [MemberData(nameof(Grid))]
    public void Only_B_has_a_gradient_at_the_start_and_everything_moves_soon(string name, string map)
    {
        ILinear frozen = FrozenMaps.Create(map, AdapterCase.Outputs, AdapterCase.Inputs);
        MokaAdapter adapter = (MokaAdapter)Subject.Cases[name].Create(frozen);
        AdaptedLinear layer = new(frozen, adapter);
        using (Tape tape = new(Cpus.Widest))
        using (Parameter x = new("x", new Shape(2, adapter.In), trainable: false))
        {
            x.FillNormal(1, seed: 1, stream: 0);
            tape.Backward(Op.CrossEntropy(tape, layer.Forward(tape, x), new[] { 1, 2 }));
        }
        foreach (KroneckerFilter filter in adapter.Filters)
        {
            Assert.All(filter.B.Gradient.ToArray(), g => Assert.NotEqual(0, g));
            Assert.All(filter.A.Gradient.ToArray(), g => Assert.Equal(0, g));
        }
        if (adapter.Gate is not null) Assert.All(adapter.Gate.Gradient.ToArray(), g => Assert.Equal(0, g));

        foreach (Parameter parameter in adapter.Parameters) parameter.ClearGradient();
        float[][] start = [.. adapter.Parameters.Select(p => p.Data.ToArray())];
        Train(layer, steps: 3);
        foreach ((Parameter parameter, float[] before) in adapter.Parameters.Zip(start))
        {
            // The gate of a single filter is 1 whatever its logit.
            bool fixedGate = parameter == adapter.Gate && adapter.Filters.Count == 1;
            Assert.Equal(!fixedGate, !parameter.Data.SequenceEqual(before));
        }
    }

    [Fact]
    public void Gate_weights_are_the_softmax_of_the_logits_over_the_temperature()
    {
        MokaAdapter adapter = new(8, 8, new MokaOptions { Filters = 3, Temperature = 0.5f }, seed: 1, stream: 0);
        new[] { 1f, 0f, -200f }.CopyTo(adapter.Gate!.Data);
        float[] weights = adapter.GateWeights();
        Assert.Equal(1 / (1 + Math.Exp(-2)), weights[0], 1e-6);
        Assert.Equal(1, weights.Sum(), 1e-6);
        Assert.All(new MokaAdapter(8, 8, new MokaOptions { Filters = 4, Gated = false }, seed: 1, stream: 0).GateWeights(), w => Assert.Equal(0.25f, w));
    }

    [Fact]
    public void The_first_filters_depend_on_seed_and_stream_and_fill_the_bound_of_Kaiming()
    {
        float[] FirstA(ulong seed, ulong stream) => new MokaAdapter(64, 64, new MokaOptions { Filters = 2 }, seed, stream).Filters[0].A.Data.ToArray();
        Assert.Equal(FirstA(1, 2), FirstA(1, 2));
        Assert.NotEqual(FirstA(1, 2), FirstA(1, 3));
        Assert.NotEqual(FirstA(1, 2), FirstA(2, 2));
        float bound = 1 / MathF.Sqrt(8);
        Assert.All(FirstA(1, 2), a => Assert.InRange(a, -bound, bound));
        Assert.True(FirstA(1, 2).Max() > 0.8f * bound);
    }

    /// <summary>The configurations and the definition.</summary>
    public sealed class Subject : IStoredAdapterSubject
    {
        public static IReadOnlyDictionary<string, AdapterCase> Cases { get; } = new Dictionary<string, AdapterCase>
        {
            // Balanced filters of [32, 64] have 32 + 64 numbers, as √(32 64) is not whole: |A| = 32, |B| = 64 or the other way.
            ["gated"] = Case(new MokaOptions { Filters = 4 }, 4 * 96 + 4),
            ["ungated"] = Case(new MokaOptions { Filters = 3, Gated = false }, 3 * 96),
            ["one filter"] = Case(new MokaOptions { Filters = 1 }, 96 + 1),
            ["cold and scaled"] = Case(new MokaOptions { Filters = 3, Temperature = 0.5f, Scale = 2 }, 3 * 96 + 3),
            ["dropout"] = Case(new MokaOptions { Filters = 5, Dropout = 0.25f }, 5 * 96 + 5),
            ["mixed shapes"] = Case(Shapes("4x8:8x8", "2x2:16x32", "16x32:2x2", "32x2:1x32"), 96 + 516 + 516 + 96 + 4),
            ["repeated shapes"] = Case(Shapes("4x8:8x8", "4x8:8x8", "8x4:4x16", "4x8:8x8"), 3 * 96 + 96 + 4),
            ["low-rank shapes"] = Case(Shapes("32x1:1x64", "32x1:1x64", "32x1:1x64"), 3 * 96 + 3),
            ["dense shape"] = Case(Shapes("1x1:32x64"), 1 + 2048 + 1),
        };

        public static float Dropout(Adapter adapter) => ((MokaAdapter)adapter).Options.Dropout;

        static Matrix<double> IAdapterSubject.Output(Adapter adapter, ExactNumbers numbers, Matrix<double> weight, Matrix<double> x, Matrix<double> dropped) =>
            AdaptedReference.Additive(weight, MokaReference.DenseDelta((MokaAdapter)adapter, numbers), x, dropped);

        public static void Save(string folder, LlamaModel model, AdapterSet adapters) =>
            MokaFolder.Save(folder, model, adapters, ((MokaAdapter)adapters.Entries.First().Adapter).Options, "base", "hash");

        public static AdapterSet Load(string folder, LlamaModel model) => MokaFolder.Load(folder, model, "hash");

        private static AdapterCase Case(MokaOptions options, long parameters) =>
            new(frozen => new MokaAdapter(frozen.Out, frozen.In, options, seed: 7, stream: 0), parameters) { FitsAnyMap = options.Shapes.Count == 0 };

        private static MokaOptions Shapes(params string[] shapes) => new() { Shapes = [.. shapes.Select(KroneckerShape.Parse)] };
    }
}
