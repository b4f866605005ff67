using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Nn;
using MoKA.Native.Ops;
using MoKA.Native.Optim;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Adapters;

/// <summary>What every adapter promises, on a map in any storage. An adapter's test class derives from this one.</summary>
public abstract class AdapterContract<TSubject> where TSubject : IAdapterSubject
{
    private const int Outputs = AdapterCase.Outputs, Inputs = AdapterCase.Inputs, Tokens = 5;

    /// <summary>Every configuration on every kind of map.</summary>
    public static TheoryData<string, string> Grid
    {
        get
        {
            TheoryData<string, string> grid = [];
            foreach (string name in TSubject.Cases.Keys)
                foreach (string map in FrozenMaps.All) grid.Add(name, map);
            return grid;
        }
    }

    /// <summary>Every configuration.</summary>
    public static TheoryData<string> Names => [.. TSubject.Cases.Keys];

    [Theory]
    [MemberData(nameof(Grid))]
    public void A_fresh_adapter_changes_no_bit(string name, string map)
    {
        ILinear frozen = FrozenMaps.Create(map, Outputs, Inputs);
        AdaptedLinear adapted = new(frozen, TSubject.Cases[name].Create(frozen));
        Bits.Equal(Forward(frozen, training: true), Forward(adapted, training: true), name);
    }

    [Theory]
    [MemberData(nameof(Grid))]
    public void Merged_equals_unmerged(string name, string map)
    {
        ILinear frozen = FrozenMaps.Create(map, Outputs, Inputs);
        AdaptedLinear adapted = new(frozen, TSubject.Cases[name].CreateTrained(frozen));
        using Parameter merged = new("merged", new Shape(Outputs, Inputs), trainable: false);
        adapted.CopyWeight(merged.Data);
        float[] apart = Forward(adapted, training: false);
        Assert.True(Norms.Distance(apart, Forward(new Linear(merged), training: false)) <= 1e-5 * Norms.Of(apart));
        Assert.True(Norms.Distance(apart, Forward(adapted.Frozen, training: false)) > 0.1 * Norms.Of(apart), "the adapter is too small to prove anything");
    }

    [Theory]
    [MemberData(nameof(Grid))]
    public void Training_moves_the_adapter_and_nothing_else(string name, string map)
    {
        ILinear frozen = FrozenMaps.Create(map, Outputs, Inputs);
        Adapter adapter = TSubject.Cases[name].CreateTrained(frozen);
        byte[] before = FrozenMaps.Stored(frozen);
        float[][] parameters = [.. adapter.Parameters.Select(p => p.Data.ToArray())];
        Train(new AdaptedLinear(frozen, adapter), steps: 2);
        Assert.Equal(before, FrozenMaps.Stored(frozen));
        Assert.False(frozen is Linear { Weight.HasGradient: true });
        Assert.Contains(adapter.Parameters.Zip(parameters), p => !p.First.Data.SequenceEqual(p.Second));
    }

    [Theory]
    [MemberData(nameof(Grid))]
    public void Detaching_restores_the_map(string name, string map)
    {
        Projection place = new("layers.0.q", "q", FrozenMaps.Create(map, Outputs, Inputs));
        float[] before = Forward(place, training: false);
        AdapterSet set = new([place], AdapterTargets.Parse("q"), (p, _) => TSubject.Cases[name].CreateTrained(p.Current));
        set.Attach();
        Assert.NotEqual(before, Forward(place, training: false));
        set.Detach();
        Bits.Equal(before, Forward(place, training: false), name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Saved_and_loaded_parameters_have_the_same_bits(string name)
    {
        using TempFolder folder = new();
        LlamaConfig config = TinyLlama.Config with { HeadDim = Outputs / TinyLlama.Config.Heads, HiddenSize = Inputs };
        LlamaModel model = TinyLlama.Create(config, int4: true);
        AdapterSet saved = new(model.Projections, AdapterTargets.Parse("q"), (p, _) => TSubject.Cases[name].CreateTrained(p.Current));
        AdapterFolder.Save(folder.Path, model, saved, new AdapterOrigin("base", "hash"));
        AdapterSet loaded = AdapterFolder.Load(folder.Path, model, "hash").Adapters;
        Assert.Equal(saved.Parameters.Select(p => (p.Name, p.Shape)), loaded.Parameters.Select(p => (p.Name, p.Shape)));
        foreach ((Parameter expected, Parameter actual) in saved.Parameters.Zip(loaded.Parameters)) Bits.Equal(expected.Data, actual.Data, expected.Name);
        loaded.Attach();
        float[] reloaded = Forward(model.Projections[0], training: true);
        loaded.Detach();
        saved.Attach();
        Bits.Equal(Forward(model.Projections[0], training: true), reloaded, "an output of the loaded adapter");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_transposed_adapter_has_the_transposed_update(string name)
    {
        if (TSubject.Cases[name].CreateTrained(FrozenMaps.Create(FrozenMaps.Float, Outputs, Inputs)) is not AdditiveAdapter adapter) return;
        AdditiveAdapter transposed = adapter.Transposed();
        Assert.Equal((adapter.In, adapter.Out), (transposed.Out, transposed.In));
        float[] update = new float[Outputs * Inputs], turned = new float[Outputs * Inputs];
        adapter.Merge(update);
        transposed.Merge(turned);
        float[] expected = [.. Enumerable.Range(0, Inputs).SelectMany(j => Enumerable.Range(0, Outputs).Select(i => update[i * Inputs + j]))];
        Assert.True(Norms.Distance(expected, turned) <= 1e-6 * Norms.Of(expected));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_parameter_count_is_that_of_the_formula(string name)
    {
        Adapter adapter = TSubject.Cases[name].Create(FrozenMaps.Create(FrozenMaps.Float, Outputs, Inputs));
        Assert.Equal(TSubject.Cases[name].ParameterCount, adapter.ParameterCount);
        Assert.Equal(adapter.ParameterCount, adapter.Parameters.Sum(p => (long)p.Data.Length));
        Assert.Equal((Outputs, Inputs), (adapter.Out, adapter.In));
    }

    [Theory]
    [MemberData(nameof(Grid))]
    public void Gradients_are_those_of_the_definition(string name, string map)
    {
        ILinear frozen = FrozenMaps.Create(map, Outputs, Inputs);
        Adapter adapter = TSubject.Cases[name].CreateTrained(frozen);
        AdaptedLinear layer = new(frozen, adapter);
        using Parameter x = Input(trainable: true);
        using Tape tape = new(Cpus.Widest);
        tape.Reset(Seed, training: true);
        Tensor loss = Loss(tape, layer, x);
        tape.Backward(loss);

        ExactNumbers numbers = new();
        Matrix<double> weight = FrozenMaps.Dense(frozen);
        double Evaluate()
        {
            Matrix<double> exact = numbers.Of(x), dropped = AdaptedReference.Dropped(exact, TSubject.Dropout(adapter), Seed);
            return Textbook.CrossEntropy(TSubject.Output(adapter, numbers, weight, exact, dropped), Labels).Data[0];
        }
        Assert.Equal(Evaluate(), loss.Data[0], 1e-5);
        foreach (Parameter parameter in adapter.Parameters.Prepend(x))
        {
            int[] places = Places(parameter);
            double[] expected = numbers.CentralDifferences(parameter, places, Evaluate);
            double distance = Norms.Distance(expected, [.. places.Select(i => parameter.Gradient[i])]), norm = Norms.Of(expected);
            Assert.True(distance <= 2e-5 * norm + 1e-7, $"{parameter}: the gradient differs by {distance:E2} from one of norm {norm:E2}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void No_buffer_has_the_size_of_the_weight(string name)
    {
        const int Large = 2048;
        // A configuration with shapes of its own fits only its own map; the default ones stand for all.
        if (!TSubject.Cases[name].FitsAnyMap) return;
        ILinear frozen = FrozenMaps.Create(FrozenMaps.Int4, Large, Large);
        AdaptedLinear layer = new(frozen, TSubject.Cases[name].Create(frozen));
        using Parameter x = new("x", new Shape(4, Large));
        x.FillNormal(1, seed: 1, stream: 0);
        using Tape tape = new(Cpus.Widest);
        tape.Backward(Op.CrossEntropy(tape, layer.Forward(tape, x), new[] { 0, 1, 2, 3 }));
        Assert.InRange(tape.PeakBytes, 1, (long)Large * Large * sizeof(float) / 4);
    }

    private const ulong Seed = 77;

    private static readonly int[] Labels = [3, 0, 31, 7, 16];

    /// <summary>The output in training, dropout and all, or in inference.</summary>
    private static float[] Forward(ILinear map, bool training)
    {
        using Parameter x = Input(trainable: false);
        using Tape tape = new(Cpus.Widest, gradients: training);
        tape.Reset(Seed, training);
        return map.Forward(tape, x).Data.ToArray();
    }

    private static Tensor Loss(Tape tape, AdaptedLinear layer, Tensor x) => Op.CrossEntropy(tape, layer.Forward(tape, x), Labels);

    /// <summary>Steps of the optimiser on one batch.</summary>
    protected static void Train(AdaptedLinear layer, int steps)
    {
        using Parameter x = Input(trainable: false);
        using Tape tape = new(Cpus.Widest);
        using AdamW optimizer = new(layer.Adapter.Parameters);
        for (int step = 0; step < steps; step++)
        {
            tape.Reset(Seed + (ulong)step, training: true);
            tape.Backward(Loss(tape, layer, x));
            optimizer.Step(Cpus.Widest, 0.01f);
        }
    }

    /// <summary>Every number of a small parameter, some of a large one.</summary>
    private static int[] Places(Parameter parameter) => parameter.Shape.Count <= 64
        ? [.. Enumerable.Range(0, parameter.Shape.Count)]
        : Draw.Integers(seed: 2, count: 48, low: 0, parameter.Shape.Count - 1);

    private static Parameter Input(bool trainable)
    {
        Parameter x = new("x", new Shape(Tokens, Inputs), trainable);
        x.FillNormal(1, seed: 3, stream: 0);
        return x;
    }
}
