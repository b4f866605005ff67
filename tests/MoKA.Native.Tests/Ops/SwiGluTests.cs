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

    [Theory]
    [InlineData(1, 1)]
    [InlineData(67, 48)]
    public void ForgettingItChangesNoBit(int rows, int columns)
    {
        float[][] kept = Gradients(rows, columns, forget: false, out _), forgotten = Gradients(rows, columns, forget: true, out _);
        foreach ((float[] one, float[] other) in kept.Zip(forgotten)) Assert.Equal(one, other);
    }

    [Fact]
    public void ForgettingItTakesLessMemory()
    {
        Gradients(64, 256, forget: false, out long kept);
        Gradients(64, 256, forget: true, out long forgotten);
        // Three of the four products are not there when the fourth is.
        Assert.InRange(kept - forgotten, 3 * 64 * 256 * sizeof(float), 4 * 64 * 256 * sizeof(float));
    }

    [Fact]
    public void WhatIsForgottenCannotBeRead()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter gate = Draw.Parameter(1, new Shape(3, 4)), up = Draw.Parameter(2, new Shape(3, 4)), map = Draw.Parameter(3, new Shape(4, 4));
        Tensor y = Op.SwiGlu(tape, gate, up), read = Op.MatMul(tape, y, map);
        Op.ForgetSwiGlu(tape, y, gate, up, read);
        Assert.Contains("given back", Assert.Throws<InvalidOperationException>(() => y.Data[0]).Message, StringComparison.Ordinal);
        Assert.Contains("op's output", Assert.Throws<ArgumentException>(() => Op.ForgetSwiGlu(tape, gate, gate, up, read)).Message, StringComparison.Ordinal);
    }

    // Four gated units one after another, each read by a map whose gradient needs it.
    private static float[][] Gradients(int rows, int columns, bool forget, out long peakBytes)
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter gate = Draw.Parameter(1, new Shape(rows, columns)), up = Draw.Parameter(2, new Shape(rows, columns)), map = Draw.Parameter(3, new Shape(columns, columns));
        Tensor x = gate;
        for (int i = 0; i < 4; i++)
        {
            Tensor before = x, y = Op.SwiGlu(tape, before, up);
            x = Op.MatMul(tape, y, map);
            if (forget) Op.ForgetSwiGlu(tape, y, before, up, x);
        }
        x.Gradient.Fill(1);
        tape.PassGradientsOn();
        peakBytes = tape.PeakBytes;
        return [gate.Gradient.ToArray(), up.Gradient.ToArray(), map.Gradient.ToArray()];
    }

    private static void Check(Shape shape, ulong seed) => OpContract.Check(
        (tape, x) => Op.SwiGlu(tape, x[0], x[1]), x => Textbook.SwiGlu(x[0], x[1]), Draw.Parameter(seed, shape), Draw.Parameter(seed + 1, shape));
}
