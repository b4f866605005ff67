using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class SwiGluTests
{
    [Property]
    public void KeepsTheContract(Size rows, Size columns, ulong seed) => Check(new Shape(rows, columns), seed);

    [Theory]
    [InlineData(0, 5)]
    [InlineData(33, 2)]
    [InlineData(65, 1)]
    public void CutsRowsIntoBlocks(int rows, int columns) => Check(new Shape(rows, columns), 5);

    [Fact]
    public void SaturatesWithoutLosingANumber()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter gate = Draw.Parameter(new Shape(4), [-200, -20, 20, 200]), up = Draw.Parameter(new Shape(4), [1, 1, 1, 1]);
        OpContract.Close("the output", Textbook.SwiGlu(Draw.Exact(gate), Draw.Exact(up)).Data, Op.SwiGlu(tape, gate, up).Data);
    }

    private static void Check(Shape shape, ulong seed) => OpContract.Check(
        (tape, x) => Op.SwiGlu(tape, x[0], x[1]), x => Textbook.SwiGlu(x[0], x[1]), Draw.Parameter(seed, shape), Draw.Parameter(seed + 1, shape));
}
