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
    public void CutsQueriesIntoBlocks() => Check([0, 70, 72], 2, 1, 2, 9);

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
