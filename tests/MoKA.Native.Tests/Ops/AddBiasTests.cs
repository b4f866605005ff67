using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class AddBiasTests
{
    [Property]
    public void KeepsTheContract(Size rows, Size columns, ulong seed) => OpContract.Check(
        (tape, x) => Op.AddBias(tape, x[0], x[1]),
        x => Textbook.AddBias(x[0], x[1]),
        Draw.Parameter(seed, new Shape(rows, columns)), Draw.Parameter(seed + 1, new Shape(columns)));

    [Property]
    public void InPlaceKeepsTheContract(Size rows, Size columns, ulong seed) => OpContract.Check(
        (tape, x) => Op.AddBias(tape, Op.Add(tape, x[0], x[1]), x[2], inPlace: true),
        x => Textbook.AddBias(Textbook.Add(x[0], x[1]), x[2]),
        Draw.Parameter(seed, new Shape(rows, columns)), Draw.Parameter(seed + 1, new Shape(rows, columns)), Draw.Parameter(seed + 2, new Shape(columns)));

    [Fact]
    public void SaysWhatIsWrong()
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter x = new("x", new Shape(2, 3)), two = new("two", new Shape(2)), three = new("three", new Shape(3));
        Assert.Equal("AddBias: bias must be [3] to match x [2, 3], got two [2].", Assert.Throws<ArgumentException>(() => Op.AddBias(tape, x, two)).Message);
        Assert.Equal("AddBias: only another op's output can take the sum in place, got x [2, 3].", Assert.Throws<ArgumentException>(() => Op.AddBias(tape, x, three, inPlace: true)).Message);
    }
}
