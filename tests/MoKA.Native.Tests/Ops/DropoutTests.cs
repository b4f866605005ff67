using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class DropoutTests
{
    [Fact]
    public void IsTheInputItselfWhenNotTraining()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter x = Draw.Parameter(1, new Shape(3, 5));
        Assert.Same(x, Op.Dropout(tape, x, 0.5f));
        tape.Reset(training: true);
        Assert.Same(x, Op.Dropout(tape, x, 0));
        Assert.NotSame(x, Op.Dropout(tape, x, 0.5f));
    }

    [Property]
    public void TheGradientUsesTheMaskOfTheOutput(Size rows, Size columns, ulong seed)
    {
        using Tape tape = new(Cpus.Widest);
        tape.Reset(seed, training: true);
        using Parameter x = new("ones", new Shape(rows, columns));
        x.Data.Fill(1);
        Tensor first = Op.Dropout(tape, x, 0.25f), second = Op.Dropout(tape, first, 0.5f);
        tape.Backward(WeightedSum.Of(tape, second, [.. Enumerable.Repeat(1f, rows * columns)]));
        Assert.Equal(second.Data.ToArray(), x.Gradient.ToArray());
    }

    [Theory]
    [InlineData(0.1f)]
    [InlineData(0.5f)]
    [InlineData(0.9f)]
    public void DropsItsShareAndKeepsTheExpectation(float probability)
    {
        const int count = 100_000;
        float[] mask = Mask(seed: 3, probability, count);
        int dropped = mask.Count(m => m == 0);
        double deviation = Math.Sqrt(count * probability * (1 - probability));
        Assert.InRange(dropped, count * probability - 5 * deviation, count * probability + 5 * deviation);
        Assert.All(mask, m => Assert.True(m == 0 || m == 1 / (1 - probability)));
        // Neighbours are dropped independently: a run of two as often as two single ones.
        double pairs = mask.Zip(mask.Skip(1)).Count(pair => pair.First == 0 && pair.Second == 0);
        Assert.InRange(pairs / count, probability * probability - 0.01, probability * probability + 0.01);
    }

    [Fact]
    public void MasksFollowTheSeedAndThePlace()
    {
        Assert.Equal(Mask(7, 0.5f, 100), Mask(7, 0.5f, 100));
        Assert.NotEqual(Mask(7, 0.5f, 100), Mask(8, 0.5f, 100));
        using Tape tape = new(Cpus.Widest);
        tape.Reset(7, training: true);
        using Parameter x = new("x", new Shape(100));
        x.Data.Fill(1);
        Assert.NotEqual(Op.Dropout(tape, x, 0.5f).Data.ToArray(), Op.Dropout(tape, x, 0.5f).Data.ToArray());
    }

    [Theory]
    [InlineData(-0.1f)]
    [InlineData(1f)]
    [InlineData(float.NaN)]
    public void RefusesProbabilitiesOutsideItsRange(float probability)
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter x = new("x", new Shape(1));
        Assert.Throws<ArgumentException>(() => Op.Dropout(tape, x, probability));
    }

    private static float[] Mask(ulong seed, float probability, int count)
    {
        using Tape tape = new(Cpus.Widest);
        tape.Reset(seed, training: true);
        using Parameter x = new("ones", new Shape(count));
        x.Data.Fill(1);
        return Op.Dropout(tape, x, probability).Data.ToArray();
    }
}
