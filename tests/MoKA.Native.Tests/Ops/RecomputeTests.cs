using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class RecomputeTests
{
    [Property]
    public void KeepsTheContract(Size tokens, Size width, ulong seed) => OpContract.Check(
        (tape, x) => Op.Recompute(tape, x[0], new Times(x[1], Dropout: 0)),
        x => Textbook.MatMul(x[0], x[1].Transposed),
        Draw.Parameter(seed, new Shape(tokens, width)), Draw.Parameter(seed + 1, new Shape(width, width)));

    [Fact]
    public void HandsBackItsInput() => OpContract.Check((tape, x) => Op.Recompute(tape, x[0], new Nothing()), x => x[0], Draw.Parameter(1, new Shape(3, 5)));

    [Theory]
    [InlineData(0f)]
    [InlineData(0.4f)]
    public void GivesTheBitsOfAPassThatKeepsEverything(float dropout)
    {
        (float[] output, float[] dx, float[] dWeight) = Pass(dropout, (tape, x, part) => part.Forward(tape, x));
        (float[] again, float[] dxAgain, float[] dWeightAgain) = Pass(dropout, (tape, x, part) => Op.Recompute(tape, x, part));
        Bits.Equal(output, again, "the output");
        Bits.Equal(dx, dxAgain, "the gradient of the input");
        Bits.Equal(dWeight, dWeightAgain, "the gradient of the weight");
    }

    [Fact]
    public void KeepsTheOutputsAlone()
    {
        const int width = 64, parts = 20;
        using Parameter weight = Draw.Parameter(1, new Shape(width, width)), x = Draw.Parameter(2, new Shape(width, width));
        long Peak(bool recompute)
        {
            using Tape tape = new(Cpus.Widest);
            Tensor y = x;
            // Eight products a part.
            for (int i = 0; i < parts; i++) y = recompute ? Op.Recompute(tape, y, new Times(weight, 0, Repeat: 8)) : new Times(weight, 0, Repeat: 8).Forward(tape, y);
            tape.Backward(WeightedSum.Of(tape, y, new float[y.Shape.Count]));
            return tape.PeakBytes;
        }
        Assert.InRange((double)Peak(recompute: true) / Peak(recompute: false), 0.1, 0.3);
    }

    private static (float[] Output, float[] Dx, float[] DWeight) Pass(float dropout, Func<Tape, Tensor, Times, Tensor> run)
    {
        using Parameter weight = Draw.Parameter(1, new Shape(7, 7)), x = Draw.Parameter(2, new Shape(5, 7));
        using Tape tape = new(Cpus.Widest);
        tape.Reset(seed: 3, training: true);
        // Dropout before, inside and after the part: each draws its own numbers.
        Tensor y = Op.Dropout(tape, x, dropout);
        for (int i = 0; i < 3; i++) y = run(tape, y, new Times(weight, dropout, Repeat: 2));
        y = Op.Dropout(tape, y, dropout);
        float[] output = y.Data.ToArray();
        tape.Backward(WeightedSum.Of(tape, y, Draw.Normal(4, output.Length)));
        return (output, x.Gradient.ToArray(), weight.Gradient.ToArray());
    }

    private readonly record struct Times(Parameter Weight, float Dropout, int Repeat = 1) : ISegment
    {
        public Tensor Forward(Tape tape, Tensor x)
        {
            for (int i = 0; i < Repeat; i++) x = Op.MatMul(tape, Op.Dropout(tape, x, Dropout), Weight, transposeB: true);
            return x;
        }
    }

    private readonly record struct Nothing : ISegment
    {
        public Tensor Forward(Tape tape, Tensor x) => x;
    }
}
