using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>
    /// Rotary position embedding in the half-split form of Hugging Face: with h = headDim / 2, each pair
    /// (x[i], x[i + h]) of a head turns by the angle of its position. A rotation's gradient is the rotation back.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">[tokens, heads * headDim].</param>
    /// <param name="table">The angles.</param>
    /// <param name="sequences">Where positions begin.</param>
    /// <param name="inPlace">
    /// Turn x itself, which is then the result, and its gradient on the way back. x must be an op's output whose value no
    /// op has kept for the way back.
    /// </param>
    public static Tensor Rope(Tape tape, Tensor x, RopeTable table, Sequences sequences, bool inPlace = false)
    {
        Check.Matrix("Rope", "x", x);
        sequences.Validate(x.Shape[0]);
        if (x.Shape[1] % (2 * table.Pairs) != 0) throw new ArgumentException($"Rope: the columns of x must be whole heads of {2 * table.Pairs}, got {x}.");
        for (int s = 0; s < sequences.Count; s++)
            if (sequences.Past(s) + sequences.Length(s) > table.Positions)
                throw new MokaException($"Rope: a sequence of {sequences.Past(s) + sequences.Length(s)} tokens is longer than the model's {table.Positions} positions; shorten the text or lower the number of new tokens.");
        for (int s = 0; s < sequences.Count; s++) table.Reach(sequences.Past(s) + sequences.Length(s));
        if (inPlace && x is Parameter) throw new ArgumentException($"Rope: only another op's output can be turned in place, got {x}.");
        Tensor y = inPlace ? x : tape.Allocate(x.Shape, "rope");
        RopeKernel.Rotate(tape.Cpu, x.Matrix, table, sequences, backwards: false, y.Matrix, accumulate: false);
        if (tape.Records(x)) tape.Record(y, new RopeNode(x, table, sequences));
        return y;
    }
}

file readonly record struct RopeNode(Tensor X, RopeTable Table, Sequences Sequences) : INode
{
    public void Backward(Tape tape, Tensor y)
    {
        MatrixSpan dy = y.GradientMatrix, dx = X.GradientToWrite(out bool add);
        RopeKernel.Rotate(tape.Cpu, dy, Table, Sequences, backwards: true, dx, accumulate: add && !ReferenceEquals(X, y));
    }
}
