using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class RescaleTests
{
    [Property]
    public void KeepsTheContract(Size rows, Size columns, ulong seed)
    {
        using Parameter lengths = Draw.Parameter(seed + 9, new Shape(columns));
        foreach (ref float n in lengths.Data) n = 0.5f + Math.Abs(n);
        lengths.Trainable = false;
        double[] exact = Draw.Exact(lengths).Data;
        OpContract.Check(
            (tape, x) => Op.Rescale(tape, x[0], x[1], lengths),
            x => Textbook.Build<double>(x[0].Rows, x[0].Columns, (t, j) => x[0][t, j] * x[1].Data[j] / exact[j]),
            Draw.Parameter(seed, new Shape(rows, columns)), Draw.Parameter(seed + 1, new Shape(columns)));
    }

    [Property]
    public void InPlaceKeepsTheContract(Size rows, Size columns, ulong seed)
    {
        using Parameter lengths = Draw.Parameter(seed + 9, new Shape(columns));
        foreach (ref float n in lengths.Data) n = 0.5f + Math.Abs(n);
        lengths.Trainable = false;
        double[] exact = Draw.Exact(lengths).Data;
        Parameter magnitude = Draw.Parameter(seed + 1, new Shape(columns));
        foreach (ref float m in magnitude.Data) m += m < 0 ? -1 : 1;
        OpContract.Check(
            (tape, x) => Op.Rescale(tape, Op.Add(tape, x[0], x[2]), x[1], lengths, inPlace: true),
            x => Textbook.Build<double>(x[0].Rows, x[0].Columns, (t, j) => (x[0][t, j] + x[2][t, j]) * x[1].Data[j] / exact[j]),
            Draw.Parameter(seed, new Shape(rows, columns)), magnitude, Draw.Parameter(seed + 2, new Shape(rows, columns)));
    }

    [Fact]
    public void InPlaceWithAMagnitudeOfZeroGivesWhatTwoTensorsGive()
    {
        using Parameter a = Draw.Parameter(1, new Shape(4, 7)), b = Draw.Parameter(2, new Shape(4, 7)), lengths = Draw.Parameter(3, new Shape(7));
        float[] magnitude = Draw.Normal(4, 7);
        magnitude[3] = 0;
        (float[] Y, float[] Da, float[] Dm) Pass(bool inPlace)
        {
            using Tape tape = new(Cpus.Widest);
            using Parameter m = Draw.Parameter(new Shape(7), magnitude);
            a.ClearGradient();
            Tensor y = Op.Rescale(tape, Op.Add(tape, a, b), m, lengths, inPlace);
            float[] values = y.Data.ToArray();
            tape.Backward(WeightedSum.Of(tape, y, Draw.Normal(5, y.Shape.Count)));
            return (values, a.Gradient.ToArray(), m.Gradient.ToArray());
        }
        (float[] Y, float[] Da, float[] Dm) expected = Pass(inPlace: false), actual = Pass(inPlace: true);
        Assert.Equal(expected.Y, actual.Y);
        Assert.Equal(expected.Da, actual.Da);
        Assert.Equal(expected.Dm, actual.Dm);
        Assert.NotEqual(0, actual.Dm[3]);
    }

    [Fact]
    public void EqualLengthsChangeNoBitAndNoLengthGivesZero()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter x = Draw.Parameter(1, new Shape(4, 7)), lengths = Draw.Parameter(2, new Shape(7));
        Bits.Equal(x.Data, Op.Rescale(tape, x, lengths, lengths).Data, "rescaled to the same lengths");
        using Parameter none = new("none", new Shape(7), trainable: false);
        Assert.All(Op.Rescale(tape, x, lengths, none).Data.ToArray(), y => Assert.Equal(0, y));
    }

    [Fact]
    public void SaysWhatIsWrong()
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter x = new("x", new Shape(2, 3)), two = new("two", new Shape(2)), three = new("three", new Shape(3));
        Assert.Contains("magnitude must be [3]", Assert.Throws<ArgumentException>(() => Op.Rescale(tape, x, two, three)).Message);
        Assert.Contains("another op's output", Assert.Throws<ArgumentException>(() => Op.Rescale(tape, x, three, three, inPlace: true)).Message);
        Assert.Contains("lengths must be [3]", Assert.Throws<ArgumentException>(() => Op.Rescale(tape, x, three, two)).Message);
    }
}
