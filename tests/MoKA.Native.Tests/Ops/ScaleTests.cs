using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class ScaleTests
{
    [Property]
    public void KeepsTheContract(Size rows, Size columns, ulong seed) => OpContract.Check(
        (tape, x) => Op.Scale(tape, x[0], -1.5f), x => Textbook.Scaled(-1.5, x[0]), Draw.Parameter(seed, new Shape(rows, columns)));

    [Fact]
    public void OneIsNothing()
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter x = new("x", new Shape(2, 3));
        Assert.Same(x, Op.Scale(tape, x, 1));
    }
}
