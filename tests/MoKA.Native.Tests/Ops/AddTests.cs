using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class AddTests
{
    [Property]
    public void KeepsTheContract(Size rows, Size columns, ulong seed) => OpContract.Check(
        (tape, x) => Op.Add(tape, x[0], x[1]),
        x => Textbook.Add(x[0], x[1]),
        Draw.Parameter(seed, new Shape(rows, columns)), Draw.Parameter(seed + 1, new Shape(rows, columns)));

    [Fact]
    public void AddsATensorToItself() => OpContract.Check((tape, x) => Op.Add(tape, x[0], x[0]), x => Textbook.Scaled(2, x[0]), Draw.Parameter(1, new Shape(3, 5)));

    [Property]
    public void InPlaceKeepsTheContract(Size rows, Size columns, ulong seed) => OpContract.Check(
        (tape, x) => Op.Add(tape, x[0], Op.Add(tape, x[0], x[1]), inPlace: true),
        x => Textbook.Add(x[0], Textbook.Add(x[0], x[1])),
        Draw.Parameter(seed, new Shape(rows, columns)), Draw.Parameter(seed + 1, new Shape(rows, columns)));

    [Fact]
    public void NeverWritesOverAWeight()
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter a = new("left", new Shape(2, 3)), b = new("right", new Shape(2, 3));
        Assert.Equal("Add: only another op's output can take the sum in place, got right [2, 3].", Assert.Throws<ArgumentException>(() => Op.Add(tape, a, b, inPlace: true)).Message);
    }

    [Fact]
    public void SaysWhichShapeIsWrong()
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter a = new("left", new Shape(2, 3)), b = new("right", new Shape(3, 2));
        Assert.Equal("Add: b must be [2, 3] to match a [2, 3], got right [3, 2].", Assert.Throws<ArgumentException>(() => Op.Add(tape, a, b)).Message);
    }
}
