using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class RmsNormTests
{
    [Property]
    public void KeepsTheContract(Size rows, Size columns, ulong seed) => Check(rows, columns, seed);

    [Theory]
    [InlineData(0, 5)]
    [InlineData(33, 1)]
    [InlineData(2, 67)]
    [InlineData(65, 3)]
    public void CutsRowsIntoBlocks(int rows, int columns) => Check(rows, columns, 5);

    [Fact]
    public void KeepsZerosFinite() => OpContract.Check(
        (tape, x) => Op.RmsNorm(tape, x[0], x[1], 1e-2f), x => Textbook.RmsNorm(x[0], x[1], (double)1e-2f), new Parameter("zeros", new Shape(2, 5)), Draw.Parameter(2, new Shape(5)));

    [Fact]
    public void SaysWhichGainItNeeds()
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter x = new("x", new Shape(8, 4096)), gain = new("gain", new Shape(2048));
        Assert.Equal("RmsNorm: gain must be [4096] to match x [8, 4096], got gain [2048].", Assert.Throws<ArgumentException>(() => Op.RmsNorm(tape, x, gain, 1e-5f)).Message);
    }

    private static void Check(int rows, int columns, ulong seed) => OpContract.Check(
        (tape, x) => Op.RmsNorm(tape, x[0], x[1], 1e-5f),
        x => Textbook.RmsNorm(x[0], x[1], (double)1e-5f),
        Draw.Parameter(seed, new Shape(rows, columns)), Draw.Parameter(seed + 1, new Shape(columns)));
}
