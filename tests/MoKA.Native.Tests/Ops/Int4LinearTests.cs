using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 15)]
public sealed class Int4LinearTests
{
    [Property]
    public void KeepsTheContract(Size tokens, Size outputs, ulong seed)
    {
        int inputs = 32 * (1 + (int)(seed % 2));
        using Int4Matrix weight = Int4Matrix.Quantize(Draw.Normal(seed, outputs * inputs), outputs, inputs);
        Matrix<double> dense = Draw.Exact(Dense(weight));
        OpContract.Check((tape, x) => Op.Int4Linear(tape, x[0], weight), x => Textbook.MatMul(x[0], dense.Transposed), Draw.Parameter(seed + 1, new Shape(tokens, inputs)));
    }

    [Theory]
    [InlineData(0, 3, 32)]
    [InlineData(1, 1, 32)]
    [InlineData(5, 33, 288)]
    [InlineData(130, 17, 96)]
    [InlineData(3, 300, 64)]
    public void EqualsTheFloatProductWithTheDequantisedMatrixToTheBit(int tokens, int outputs, int inputs)
    {
        using Int4Matrix weight = Int4Matrix.Quantize(Draw.Normal(4, outputs * inputs), outputs, inputs);
        using Parameter dense = Dense(weight);
        foreach (Cpu cpu in Cpus.All)
        {
            using Parameter x = Draw.Parameter(5, new Shape(tokens, inputs)), same = Draw.Parameter(5, new Shape(tokens, inputs));
            using Tape tape = new(cpu);
            Tensor y = Op.Int4Linear(tape, x, weight), expected = Op.MatMul(tape, same, dense, transposeB: true);
            float[] weights = Draw.Normal(6, y.Shape.Count);
            tape.Backward(Op.Add(tape, WeightedSum.Of(tape, y, weights), WeightedSum.Of(tape, expected, weights)));
            Assert.Equal(expected.Data.ToArray(), y.Data.ToArray());
            Assert.Equal(same.Gradient.ToArray(), x.Gradient.ToArray());
        }
    }

    [Fact]
    public void SaysWhichLengthItNeeds()
    {
        using Tape tape = new(Cpus.Scalar);
        using Int4Matrix weight = new(2, 64);
        using Parameter x = new("x", new Shape(3, 32));
        Assert.Equal("Int4Linear: x must have rows of 64 to match weight [2, 64], got x [3, 32].", Assert.Throws<ArgumentException>(() => Op.Int4Linear(tape, x, weight)).Message);
    }

    private static Parameter Dense(Int4Matrix weight)
    {
        Parameter dense = new("dense", new Shape(weight.Rows, weight.Columns), trainable: false);
        weight.Dequantize(dense.Data);
        return dense;
    }
}
