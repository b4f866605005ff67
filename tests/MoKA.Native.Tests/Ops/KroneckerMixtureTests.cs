using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

/// <summary>The mixture is its dense formula, whatever the shapes of its filters.</summary>
[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 15)]
public sealed class KroneckerMixtureTests
{
    // All pairs of factors with 12 inputs and 6 outputs.
    private static readonly KroneckerShape[] Shapes =
        [.. from rowsA in (int[])[1, 2, 3, 6] from columnsA in (int[])[1, 2, 3, 4, 6, 12] select new KroneckerShape(rowsA, columnsA, 6 / rowsA, 12 / columnsA)];

    [Property]
    public void KeepsTheContract(Size filters, Size tokens, bool gated, ulong seed)
    {
        // Drawn with repetition, so filters share shapes in some cases and not in others.
        KroneckerShape[] shapes = [.. Draw.Integers(seed, 1 + filters % 4, 0, Shapes.Length - 1).Select(i => Shapes[i])];
        MixtureCase mixture = new(shapes, 1 + tokens % 3, gated, seed, Scale: 1.5f, Temperature: 0.75f);
        OpContract.Check(mixture.Apply, mixture.Dense, mixture.Inputs());
    }

    [Theory]
    [InlineData(3, 4, 2, 3)]
    [InlineData(2, 2, 3, 6)]
    public void FiltersOfOneShapeShareTheirProducts(int rowsA, int columnsA, int rowsB, int columnsB)
    {
        KroneckerShape shape = new(rowsA, columnsA, rowsB, columnsB), other = new(1, 12, 6, 1);
        MixtureCase mixture = new([shape, other, shape, shape], 5, Gated: true, 2);
        OpContract.Check(mixture.Apply, mixture.Dense, mixture.Inputs());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(130)]
    public void CutsTokensIntoBlocks(int tokens)
    {
        MixtureCase mixture = new([new(1, 2, 2, 1), new(2, 1, 1, 2), new(1, 2, 2, 1)], tokens, Gated: true, 6, Scale: 0.5f);
        OpContract.Check(mixture.Apply, mixture.Dense, mixture.Inputs());
    }

    [Fact]
    public void StartsAsZeroWhenEveryBIsZero()
    {
        MixtureCase mixture = new([new(2, 3, 3, 4), new(3, 2, 2, 6)], 4, Gated: true, 7);
        Parameter[] inputs = mixture.Inputs();
        inputs[2].Data.Clear();
        inputs[4].Data.Clear();
        using Tape tape = new(Cpus.Widest);
        Tensor y = mixture.Apply(tape, inputs);
        tape.Backward(WeightedSum.Of(tape, y, Draw.Normal(1, y.Shape.Count)));
        Assert.All(y.Data.ToArray(), value => Assert.Equal(0, value));
        foreach (int still in (int[])[0, 1, 3, 5]) Assert.All(inputs[still].Gradient.ToArray(), value => Assert.Equal(0, value));
        foreach (int moving in (int[])[2, 4]) Assert.All(inputs[moving].Gradient.ToArray(), value => Assert.NotEqual(0, value));
    }

    [Fact]
    public void NeverBuildsTheProduct()
    {
        // A ⊗ B has 4 MiB here; the pass and its way back hold a fraction of that.
        KroneckerShape shape = new(32, 32, 32, 32);
        MixtureCase mixture = new([shape, new(16, 64, 64, 16), shape], 2, Gated: true, 8);
        Parameter[] inputs = mixture.Inputs();
        using Tape tape = new(Cpus.Widest);
        Tensor y = mixture.Apply(tape, inputs);
        tape.Backward(WeightedSum.Of(tape, y, Draw.Normal(1, y.Shape.Count)));
        Assert.Equal(1024 * 1024, shape.In * shape.Out);
        Assert.InRange(tape.PeakBytes, 1, 256 * 1024);
        Assert.Equal(tape.PeakBytes, tape.Arena.PeakBytes);
    }

    [Fact]
    public void IsAddedInPlaceToAMapThatKeepsItsOwnGradient()
    {
        MixtureCase mixture = new([new(2, 3, 3, 4), new(3, 4, 2, 3)], 3, Gated: true, 9);
        Parameter weight = Draw.Parameter(4, new Shape(6, 12));
        OpContract.Check(
            (tape, inputs) => Op.KroneckerMixture(tape, inputs[0], mixture.Filters([inputs[0], .. inputs[2..]]), inputs[^1], addTo: Op.MatMul(tape, inputs[0], inputs[1], transposeB: true)),
            inputs => Textbook.Add(Textbook.MatMul(inputs[0], inputs[1].Transposed), mixture.Dense([inputs[0], .. inputs[2..]])),
            [mixture.Inputs()[0], weight, .. mixture.Inputs()[1..]]);
        using Tape tape = new(Cpus.Scalar);
        Parameter[] inputs = mixture.Inputs();
        Assert.Contains("addTo must be [3, 6]", Assert.Throws<ArgumentException>(() => Op.KroneckerMixture(tape, inputs[0], mixture.Filters(inputs), null, addTo: inputs[0])).Message);
    }

    [Fact]
    public void SaysWhichFilterDoesNotFit()
    {
        using Tape tape = new(Cpus.Scalar);
        MixtureCase mixture = new([new(2, 3, 3, 4), new(3, 2, 3, 6)], 1, Gated: false, 1);
        Assert.Equal("KroneckerMixture: every filter must map 12 inputs of x to 6 outputs, got 3x2:3x6 with 12 inputs and 9 outputs.", Assert.Throws<ArgumentException>(() => mixture.Apply(tape, mixture.Inputs())).Message);
        Parameter[] inputs = new MixtureCase([new(2, 3, 3, 4)], 1, Gated: true, 1).Inputs();
        KroneckerFilter[] filters = [new(inputs[1], inputs[2])];
        Assert.Equal("KroneckerMixture: there must be at least one filter.", Assert.Throws<ArgumentException>(() => Op.KroneckerMixture(tape, inputs[0], Array.Empty<KroneckerFilter>(), null)).Message);
        Assert.Equal("KroneckerMixture: the temperature must be positive, got 0.", Assert.Throws<ArgumentException>(() => Op.KroneckerMixture(tape, inputs[0], filters, inputs[^1], temperature: 0)).Message);
        Assert.Contains("gate must be [1] to match filters [1]", Assert.Throws<ArgumentException>(() => Op.KroneckerMixture(tape, inputs[0], filters, new Parameter("gate", new Shape(2)))).Message);
    }
}
