using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class RopeTests
{
    private const double Theta = 10_000;

    [Property]
    public void KeepsTheContract(Size pairs, Size tokens, ulong seed)
    {
        int heads = 1 + (int)(seed % 3), offset = (int)(seed % 5);
        int[] starts = Draw.Starts(seed, 1 + (int)(seed % 4), tokens);
        RopeTable table = new(2 * pairs, tokens + offset, Theta);
        OpContract.Check(
            (tape, x) => Op.Rope(tape, x[0], table, new Sequences(starts, offset)),
            x => Textbook.Rope(x[0], 2 * pairs, Theta, starts, offset),
            Draw.Parameter(seed, new Shape(tokens, heads * 2 * pairs)));
    }

    [Property]
    public void InPlaceKeepsTheContract(Size pairs, Size tokens, ulong seed)
    {
        int[] starts = Draw.Starts(seed, 1 + (int)(seed % 4), tokens);
        RopeTable table = new(2 * pairs, tokens, Theta);
        OpContract.Check(
            (tape, x) => Op.Rope(tape, Op.Add(tape, x[0], x[1]), table, new Sequences(starts), inPlace: true),
            x => Textbook.Rope(Textbook.Add(x[0], x[1]), 2 * pairs, Theta, starts, 0),
            Draw.Parameter(seed, new Shape(tokens, 2 * pairs)), Draw.Parameter(seed + 1, new Shape(tokens, 2 * pairs)));
    }

    [Property]
    public void ScaledFrequenciesKeepTheContract(Size pairs, Size tokens, ulong seed)
    {
        RopeScaling scaling = (seed % 3) switch
        {
            0 => new LinearRopeScaling(4),
            1 => new Llama3RopeScaling(8, 1, 4, 8),
            _ => new ListedRopeScaling([.. Enumerable.Range(0, pairs).Select(i => 1 + i * 0.5f)]),
        };
        RopeTable table = new(2 * pairs, tokens, Theta, scaling);
        OpContract.Check(
            (tape, x) => Op.Rope(tape, x[0], table, new Sequences(new[] { 0, (int)tokens })),
            x => Textbook.Rope(x[0], 2 * pairs, Theta, [0, tokens], 0, scaling.Scale),
            Draw.Parameter(seed, new Shape(tokens, 2 * pairs)));
    }

    [Fact]
    public void ATableGrowsToTheSameAngles()
    {
        RopeTable atOnce = new(8, 1000, Theta), bitByBit = new(8, 1000, Theta);
        atOnce.Reach(1000);
        foreach (int positions in new[] { 1, 63, 64, 65, 500, 1000 }) bitByBit.Reach(positions);
        for (int p = 0; p < 1000; p++)
        {
            Assert.True(atOnce.Cosines(p).SequenceEqual(bitByBit.Cosines(p)) && atOnce.Sines(p).SequenceEqual(bitByBit.Sines(p)), $"position {p} differs");
            Assert.Equal((float)Math.Sin(p * Math.Pow(Theta, -0.5)), bitByBit.Sines(p)[2]);
        }
    }

    [Fact]
    public void PositionsOfKeptTextsCountFromEach()
    {
        RopeTable table = new(6, 20, Theta);
        using Parameter x = Draw.Parameter(1, new Shape(7, 12));
        using Tape tape = new(Cpus.Widest, gradients: false);
        int[] starts = [0, 2, 3, 7], past = [5, 0, 11];
        float[] together = Op.Rope(tape, x, table, new Sequences(starts) { Kept = past.Select(length => new KeptText(0, length)).ToArray() }).Data.ToArray();
        for (int s = 0; s < past.Length; s++)
        {
            Tensor own = Op.GatherRows(tape, x, Enumerable.Range(starts[s], starts[s + 1] - starts[s]).ToArray());
            Bits.Equal(Op.Rope(tape, own, table, new Sequences(new[] { 0, own.Shape[0] }, past[s])).Data, together.AsSpan(starts[s] * 12, own.Shape.Count), $"text {s}");
        }
    }

    [Fact]
    public void NeverTurnsAWeightInPlace()
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter x = new("x", new Shape(3, 4));
        Assert.Throws<ArgumentException>(() => Op.Rope(tape, x, new RopeTable(4, 4, Theta), new Sequences(new[] { 0, 3 }), inPlace: true));
    }

    [Fact]
    public void ScoresDependOnDistanceAlone()
    {
        const int headDim = 16;
        using Tape tape = new(Cpus.Widest);
        RopeTable table = new(headDim, 100, Theta);
        using Parameter q = Draw.Parameter(1, new Shape(1, headDim)), k = Draw.Parameter(2, new Shape(1, headDim));
        Tensor At(Parameter x, int position) => Op.Rope(tape, x, table, new Sequences(new[] { 0, 1 }, position));
        double near = Textbook.Inner(Draw.Exact(At(q, 12)), Draw.Exact(At(k, 7))), far = Textbook.Inner(Draw.Exact(At(q, 95)), Draw.Exact(At(k, 90)));
        Assert.Equal(near, far, 1e-5);
    }

    [Fact]
    public void NamesTheLongestText()
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter x = new("x", new Shape(3, 4));
        string message = Assert.Throws<MokaException>(() => Op.Rope(tape, x, new RopeTable(4, 4, Theta), new Sequences(new[] { 0, 3 }, 2))).Message;
        Assert.Equal("Rope: a sequence of 5 tokens is longer than the model's 4 positions; shorten the text or lower the number of new tokens.", message);
    }
}
