using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>
    /// While training, y = m ⊙ x with each m independently 0 with the given probability and 1 / (1 - probability)
    /// otherwise, so that the expectation is x; dx = m ⊙ dy. Otherwise x itself. The mask is a pure function of the
    /// pass's seed and of this op's place in the pass, and is computed again on the way back.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="probability">Of an element to be dropped, in [0, 1).</param>
    public static Tensor Dropout(Tape tape, Tensor x, float probability)
    {
        if (probability is not (>= 0 and < 1)) throw new ArgumentException($"Dropout: the probability must be in [0, 1), got {probability}.");
        if (probability == 0 || !tape.Training) return x;
        Tensor y = tape.Allocate(x.Shape, "dropout");
        ulong stream = tape.NextStream();
        Span<float> from = x.Data, to = y.Data;
        for (int i = 0; i < from.Length; i++) to[i] = from[i] * Mask(tape.Seed, stream, i, probability);
        if (tape.Records(x)) tape.Record(y, new DropoutNode(x, stream, probability));
        return y;
    }

    internal static float Mask(ulong seed, ulong stream, int index, float probability) =>
        CounterRandom.Uniform(seed, stream, (ulong)index) < probability ? 0 : 1 / (1 - probability);
}

file readonly record struct DropoutNode(Tensor X, ulong Stream, float Probability) : INode
{
    public void Backward(Tape tape, Tensor y)
    {
        Span<float> dx = X.Gradient, dy = y.Gradient;
        for (int i = 0; i < dx.Length; i++) dx[i] += dy[i] * Op.Mask(tape.Seed, Stream, i, Probability);
    }
}
