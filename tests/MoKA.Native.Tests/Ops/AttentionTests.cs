using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 15)]
public sealed class AttentionTests
{
    [Property]
    public void KeepsTheContract(Size tokens, Size headDim, ulong seed) =>
        Check(Draw.Starts(seed, 1 + (int)(seed % 3), tokens), 1 << (int)(seed % 3), 1 + (int)(seed % 2), Math.Min(headDim, 9), seed);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void SharesAKeyHeadAmongQueryHeads(int headsPerKey) => Check([0, 2, 7], headsPerKey, 2, 3, 8);

    [Fact]
    public void CutsQueriesIntoBlocks() => Check([0, 75, 78], 2, 1, 2, 9);

    /// <summary>Later keys score higher, so each block of keys raises the maxima and what was summed before is scaled down.</summary>
    [Theory]
    [InlineData(1050, 1, 3)]
    [InlineData(95, 2, 35)]
    [InlineData(6, 1, 530)]
    public void CutsKeysAndHeadsIntoBlocks(int tokens, int heads, int headDim)
    {
        Parameter[] x = [.. Enumerable.Range(0, 3).Select(i => Draw.Parameter((ulong)i + 30, new Shape(tokens, (i == 0 ? heads : 1) * headDim)))];
        for (int t = 0; t < tokens; t++) x[1].Data[t * headDim] += t / 300f;
        float[] weights = Draw.Normal(77, tokens * heads * headDim);
        float[][] Run(Cpu cpu)
        {
            foreach (Parameter input in x) input.ClearGradient();
            using Tape tape = new(cpu);
            Tensor y = Op.Attention(tape, x[0], x[1], x[2], heads, 1, new Sequences(new[] { 0, tokens }));
            tape.Backward(WeightedSum.Of(tape, y, weights));
            return [y.Data.ToArray(), .. x.Select(input => input.Gradient.ToArray())];
        }
        float[][] result = Run(Cpus.Widest);
        Matrix<double>[] exact = [.. x.Select(Draw.Exact)];
        double[] Expected() => Textbook.Attention(exact[0], exact[1], exact[2], heads, 1, [0, tokens]).Data;
        OpContract.Close("the output", Expected(), result[0]);
        double Loss() => Expected().Zip(weights, (y, w) => y * w).Sum();
        const double step = 1e-5;
        for (int i = 0; i < 3; i++)
        {
            // The slope along one direction stands for all slopes.
            double[] middle = [.. exact[i].Data], direction = [.. Draw.Normal((ulong)i, middle.Length).Select(d => (double)d)];
            double along = result[i + 1].Zip(direction, (g, d) => g * d).Sum();
            void Move(double by) => middle.Zip(direction, (m, d) => m + by * d).ToArray().CopyTo(exact[i].Data, 0);
            Move(step);
            double above = Loss();
            Move(-step);
            Assert.Equal((above - Loss()) / (2 * step), along, 2e-4 * Math.Abs(along) + 1e-3);
            Move(0);
        }
        foreach (Cpu cpu in Cpus.All)
            foreach ((float[] first, float[] other) in result.Zip(Run(cpu))) Bits.Equal(first, other, $"{cpu.InstructionSet} with {cpu.Threads} threads");
    }

    [Fact]
    public void TakesEmptySequences() => Check([0, 0, 3, 3, 4, 4], 1, 1, 2, 10);

    [Fact]
    public void TakesNoTokens() => Check([0, 0], 1, 1, 2, 11);

    [Fact]
    public void DoesNotLookAheadOrAcross()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter q = Draw.Parameter(1, new Shape(6, 4)), k = Draw.Parameter(2, new Shape(6, 4)), v = Draw.Parameter(3, new Shape(6, 4));
        Sequences sequences = new(new[] { 0, 3, 6 });
        float[] before = Op.Attention(tape, q, k, v, 2, 2, sequences).Data.ToArray();
        // Row 4 is the middle of the second sequence: only rows 4 and 5 may change.
        k.Data.Slice(16, 4).Fill(3);
        v.Data.Slice(16, 4).Fill(-7);
        float[] after = Op.Attention(tape, q, k, v, 2, 2, sequences).Data.ToArray();
        Assert.Equal(before[..16], after[..16]);
        Assert.NotEqual(before[16..20], after[16..20]);
        Assert.NotEqual(before[20..], after[20..]);
    }

    [Fact]
    public void RefusesHeadsThatDoNotDivide()
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter q = new("q", new Shape(1, 6)), k = new("k", new Shape(1, 4));
        Sequences sequences = new(new[] { 0, 1 });
        Assert.Equal("Attention: the query heads must be a multiple of the key-value heads, got 3 and 2.", Assert.Throws<ArgumentException>(() => Op.Attention(tape, q, k, k, 3, 2, sequences)).Message);
        Assert.Contains("must share headDim", Assert.Throws<ArgumentException>(() => Op.Attention(tape, q, k, k, 2, 2, sequences)).Message);
        Assert.Contains("starts must ascend from 0", Assert.Throws<ArgumentException>(() => Op.Attention(tape, q, q, q, 2, 2, new Sequences(new[] { 0, 2 }))).Message);
    }

    private static void Check(int[] starts, int headsPerKey, int keyValueHeads, int headDim, ulong seed)
    {
        int tokens = starts[^1], heads = headsPerKey * keyValueHeads;
        OpContract.Check(
            (tape, x) => Op.Attention(tape, x[0], x[1], x[2], heads, keyValueHeads, new Sequences(starts)),
            x => Textbook.Attention(x[0], x[1], x[2], heads, keyValueHeads, starts),
            Draw.Parameter(seed, new Shape(tokens, heads * headDim)), Draw.Parameter(seed + 1, new Shape(tokens, keyValueHeads * headDim)), Draw.Parameter(seed + 2, new Shape(tokens, keyValueHeads * headDim)));
    }
}
