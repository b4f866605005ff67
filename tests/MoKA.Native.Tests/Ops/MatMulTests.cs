using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 30)]
public sealed class MatMulTests
{
    [Property]
    public void KeepsTheContract(Size m, Size k, Size n, bool transposeA, bool transposeB, ulong seed) => OpContract.Check(
        (tape, x) => Op.MatMul(tape, x[0], x[1], transposeA, transposeB),
        x => Textbook.MatMul(transposeA ? x[0].Transposed : x[0], transposeB ? x[1].Transposed : x[1]),
        Draw.Parameter(seed, transposeA ? new Shape(k, m) : new Shape(m, k)), Draw.Parameter(seed + 1, transposeB ? new Shape(n, k) : new Shape(k, n)));

    [Theory]
    [InlineData(0, 3, 2)]
    [InlineData(2, 0, 3)]
    [InlineData(2, 3, 0)]
    public void TakesEmptySides(int m, int k, int n) => OpContract.Check(
        (tape, x) => Op.MatMul(tape, x[0], x[1]), x => Textbook.MatMul(x[0], x[1]), Draw.Parameter(1, new Shape(m, k)), Draw.Parameter(2, new Shape(k, n)));

    [Fact]
    public void MultipliesATensorWithItself() => OpContract.Check(
        (tape, x) => Op.MatMul(tape, x[0], x[0], transposeB: true), x => Textbook.MatMul(x[0], x[0].Transposed), Draw.Parameter(3, new Shape(5, 7)));

    [Fact]
    public void ReadsLeadingDimensionsAsRows()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter a = Draw.Parameter(1, new Shape(2, 3, 4)), b = Draw.Parameter(2, new Shape(4, 5));
        Tensor c = Op.MatMul(tape, a, b);
        Assert.Equal(new Shape(2, 3, 5), c.Shape);
        OpContract.Close("the product", Textbook.MatMul(Draw.Exact(a), Draw.Exact(b)).Data, c.Data);
    }

    [Fact]
    public void SaysWhichLengthsDiffer()
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter a = new("x", new Shape(2, 3)), b = new("weight", new Shape(3, 2));
        Assert.Equal("MatMul: the inner lengths must be equal, got x [2, 3] and weight [3, 2]ᵀ.", Assert.Throws<ArgumentException>(() => Op.MatMul(tape, a, b, transposeB: true)).Message);
    }
}
