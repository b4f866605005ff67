using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class GatherRowsTests
{
    [Property]
    public void KeepsTheContract(Size rows, Size columns, Size chosen, ulong seed) =>
        Check(Draw.Parameter(seed, new Shape(rows, columns)), Draw.Integers(seed, chosen, 0, rows - 1));

    [Fact]
    public void AddsTheGradientsOfRowsTakenTwice() => Check(Draw.Parameter(1, new Shape(4, 3)), [3, 0, 3, 3]);

    [Fact]
    public void TakesNoRows() => Check(Draw.Parameter(1, new Shape(4, 3)), []);

    [Theory]
    [InlineData(-1)]
    [InlineData(4)]
    public void RefusesRowsThatAreNotThere(int row)
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter x = new("x", new Shape(4, 3));
        Assert.Equal($"GatherRows: a row must be from 0 to 3, got {row}.", Assert.Throws<ArgumentException>(() => Op.GatherRows(tape, x, new[] { row })).Message);
    }

    // The mathematics is that of a table lookup.
    private static void Check(Parameter x, int[] rows) => OpContract.Check((tape, inputs) => Op.GatherRows(tape, inputs[0], rows), inputs => Textbook.Embedding(inputs[0], rows), x);
}
