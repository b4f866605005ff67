using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;

namespace MoKA.Native.Tests.Ops;

/// <summary>The gate of a mixture: a softmax over the filters, and the identities its gradients must satisfy.</summary>
[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class KroneckerGateTests
{
    private const float Scale = 1.25f, Temperature = 0.5f;
    private static readonly KroneckerShape[] Shapes = [new(2, 3, 3, 4), new(3, 2, 2, 6), new(2, 3, 3, 4)];

    [Property]
    public void WeightsArePositiveSumToOneAndIgnoreConstants(Size filters, ulong seed, sbyte shift)
    {
        using Parameter gate = Draw.Parameter(seed, new Shape(filters)), shifted = Draw.Parameter(seed, new Shape(filters));
        foreach (ref float g in shifted.Data) g += shift;
        float[] weights = Weights(gate), same = Weights(shifted);
        Assert.All(weights, weight => Assert.InRange(weight, float.Epsilon, 1));
        Assert.Equal(1, weights.Sum(), 1e-6);
        OpContract.Close("the weights of a shifted gate", [.. weights.Select(w => (double)w)], same, tolerance: 1e-4);
    }

    [Property]
    public void AnEqualGateIsTheMean(ulong seed)
    {
        MixtureCase gated = Mixture(seed) with { Scale = 1 }, plain = gated with { Gated = false };
        Parameter[] inputs = gated.Inputs();
        inputs[^1].Data.Fill(-3);
        OpContract.Close("the mean", [.. plain.Output(inputs[..^1]).Select(y => y / 3.0)], gated.Output(inputs));
    }

    [Property]
    public void TheOrderOfTheFiltersDoesNotMatter(ulong seed)
    {
        MixtureCase mixture = Mixture(seed), turned = mixture with { Shapes = [Shapes[1], Shapes[2], Shapes[0]] };
        Parameter[] x = mixture.Inputs();
        float[] g = x[^1].Data.ToArray();
        Parameter[] permuted = [x[0], x[3], x[4], x[5], x[6], x[1], x[2], Draw.Parameter(new Shape(3), [g[1], g[2], g[0]])];
        OpContract.Close("the permuted mixture", [.. mixture.Output(x).Select(y => (double)y)], turned.Output(permuted));
    }

    [Property]
    public void AWeightCanBeFoldedIntoItsA(ulong seed)
    {
        MixtureCase mixture = Mixture(seed), plain = mixture with { Gated = false };
        Parameter[] inputs = mixture.Inputs();
        float[] expected = mixture.Output(inputs), weights = Weights(inputs[^1]);
        for (int i = 0; i < Shapes.Length; i++)
            foreach (ref float a in inputs[1 + 2 * i].Data) a *= weights[i];
        OpContract.Close("the folded mixture", [.. expected.Select(y => (double)y)], plain.Output(inputs[..^1]));
    }

    [Property]
    public void GradientsSatisfyTheirIdentities(ulong seed)
    {
        MixtureCase mixture = Mixture(seed);
        Parameter[] inputs = mixture.Inputs();
        using Tape tape = new(Cpus.Widest);
        Tensor y = mixture.Apply(tape, inputs);
        tape.Backward(WeightedSum.Of(tape, y, Draw.Normal(seed + 5, y.Shape.Count)));
        float[] weights = Weights(inputs[^1]);
        double[] byA = [.. Shapes.Select((_, i) => Inner(inputs[1 + 2 * i]))], byB = [.. Shapes.Select((_, i) => Inner(inputs[2 + 2 * i]))];
        double size = byA.Max(Math.Abs) + 1;
        for (int i = 0; i < Shapes.Length; i++) Assert.Equal(byA[i], byB[i], 1e-5 * size);
        // ⟨A, dA⟩ = α dα, so dg = (α dα - α Σ α dα) / τ follows from the gradients of the filters alone.
        double[] dGate = [.. weights.Select((weight, i) => (byA[i] - weight * byA.Sum()) / Temperature)];
        OpContract.Close("the gradient of the gate", dGate, inputs[^1].Gradient, size);
        Assert.Equal(0, inputs[^1].Gradient.ToArray().Sum(g => (double)g), 1e-5 * size);
        GC.KeepAlive(inputs);
    }

    private static MixtureCase Mixture(ulong seed) => new(Shapes, 3, Gated: true, seed, Scale, Temperature);

    private static double Inner(Parameter parameter) => parameter.Data.ToArray().Zip(parameter.Gradient.ToArray(), (x, dx) => (double)x * dx).Sum();

    private static float[] Weights(Parameter gate)
    {
        float[] weights = new float[gate.Shape.Count];
        MixtureGate.Weights(gate, Temperature, weights, InstructionSets.Widest);
        return weights;
    }
}
