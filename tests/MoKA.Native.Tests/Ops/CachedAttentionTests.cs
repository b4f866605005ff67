using MoKA.Native.Autograd;
using MoKA.Native.Ops;

namespace MoKA.Native.Tests.Ops;

/// <summary>Generation token by token gives the bits of the whole text at once.</summary>
public sealed class CachedAttentionTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(70, 2, 4)]
    [InlineData(300, 4, 7)]
    // More heads of one key than are taken together, and the shape of LLaMA's.
    [InlineData(100, 19, 3)]
    [InlineData(190, 8, 64)]
    public void EqualsAttentionRowByRowToTheBit(int tokens, int headsPerKey, int headDim)
    {
        const int keyValueHeads = 2;
        int heads = headsPerKey * keyValueHeads, width = heads * headDim, keyWidth = keyValueHeads * headDim;
        using Parameter q = Draw.Parameter(1, new Shape(tokens, width)), k = Draw.Parameter(2, new Shape(tokens, keyWidth)), v = Draw.Parameter(3, new Shape(tokens, keyWidth));
        foreach (Cpu cpu in Cpus.All)
        {
            using Tape tape = new(cpu, gradients: false);
            float[] whole = Op.Attention(tape, q, k, v, heads, keyValueHeads, new Sequences(new[] { 0, tokens })).Data.ToArray();
            // What lies behind the current token in the cache must not matter.
            using Parameter keys = new("keys", new Shape(tokens + 3, keyWidth)), values = new("values", new Shape(tokens + 3, keyWidth));
            keys.Data.Fill(float.NaN);
            values.Data.Fill(float.NaN);
            for (int t = 0; t < tokens; t += 1 + t % 3)
            {
                int rows = Math.Min(1 + t % 3, tokens - t);
                k.Data.Slice(t * keyWidth, rows * keyWidth).CopyTo(keys.Data[(t * keyWidth)..]);
                v.Data.Slice(t * keyWidth, rows * keyWidth).CopyTo(values.Data[(t * keyWidth)..]);
                Tensor step = tape.Allocate(new Shape(rows, width), "step");
                q.Data.Slice(t * width, rows * width).CopyTo(step.Data);
                Tensor y = Op.CachedAttention(tape, step, keys, values, heads, keyValueHeads, new Sequences(new[] { 0, rows }, t));
                Assert.Equal(whole[(t * width)..((t + rows) * width)], y.Data.ToArray());
            }
        }
    }

    [Fact]
    public void SeveralTextsOfOneCacheDoNotSeeEachOther()
    {
        const int heads = 4, keyValueHeads = 2, headDim = 5;
        int[] past = [3, 90, 0], lengths = [1, 4, 6], rows = [0, 7, 110];
        int[] starts = [0, 1, 5, 11];
        using Parameter q = Draw.Parameter(1, new Shape(11, heads * headDim)), keys = Draw.Parameter(2, new Shape(120, keyValueHeads * headDim)), values = Draw.Parameter(3, new Shape(120, keyValueHeads * headDim));
        Sequences sequences = new(starts) { Kept = past.Select((length, s) => new KeptText(rows[s], length)).ToArray() };
        foreach (Cpu cpu in Cpus.All)
        {
            using Tape tape = new(cpu, gradients: false);
            float[] together = Op.CachedAttention(tape, q, keys, values, heads, keyValueHeads, sequences).Data.ToArray();
            for (int s = 0; s < past.Length; s++)
            {
                Tensor own = Op.GatherRows(tape, q, Enumerable.Range(starts[s], lengths[s]).ToArray());
                int[] kept = [.. Enumerable.Range(rows[s], past[s] + lengths[s])];
                Tensor alone = Op.CachedAttention(tape, own, Op.GatherRows(tape, keys, kept), Op.GatherRows(tape, values, kept), heads, keyValueHeads, new Sequences(new[] { 0, lengths[s] }, past[s]));
                Bits.Equal(alone.Data, together.AsSpan(starts[s] * heads * headDim, alone.Shape.Count), $"text {s} on {cpu.InstructionSet}");
            }
        }
    }

    [Fact]
    public void SeveralTextsNeedAPlaceEach()
    {
        using Tape tape = new(Cpus.Scalar, gradients: false);
        using Parameter q = new("q", new Shape(2, 4)), keys = new("keys", new Shape(5, 4));
        string Refused(Sequences sequences) => Assert.Throws<ArgumentException>(() => Op.CachedAttention(tape, q, keys, keys, 1, 1, sequences)).Message;
        Assert.Equal("CachedAttention: 2 sequences need what is kept of each, got one offset.", Refused(new Sequences(new[] { 0, 1, 2 }, 1)));
        Assert.Equal("CachedAttention: keys must hold the 3 tokens of one sequence from row 3 on, got keys [5, 4].", Refused(new Sequences(new[] { 0, 1, 2 }) { Kept = new KeptText[] { new(0, 2), new(3, 2) } }));
        Assert.Equal("Sequences: there must be a kept text for each of the 2 sequences, got 1.", Refused(new Sequences(new[] { 0, 1, 2 }) { Kept = new KeptText[] { new(0, 2) } }));
        Assert.Throws<ArgumentException>(() => Op.Attention(tape, q, q, q, 1, 1, new Sequences(new[] { 0, 2 }) { Kept = new KeptText[] { new(0, 0) } }));
    }

    [Fact]
    public void RefusesToTrainAndShortCaches()
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter q = new("q", new Shape(2, 4)), keys = new("keys", new Shape(5, 4), trainable: false);
        Assert.Equal("CachedAttention: a cache has no gradient; use Attention to train.", Assert.Throws<InvalidOperationException>(() => Op.CachedAttention(tape, q, keys, keys, 1, 1, new Sequences(new[] { 0, 2 }, 3))).Message);
        Assert.Equal("CachedAttention: keys must hold the 6 tokens of one sequence, got keys [5, 4].", Assert.Throws<ArgumentException>(() => Op.CachedAttention(tape, q, keys, keys, 1, 1, new Sequences(new[] { 0, 2 }, 4))).Message);
    }
}
