using System.Numerics.Tensors;
using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>
    /// The chosen rows in the given order: y[i] = x[rows[i]]. The gradient of a row is the sum over the places that took
    /// it. The output head then only sees the tokens whose prediction counts.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">[tokens, n].</param>
    /// <param name="rows">Indices below tokens; must stay until the backward pass.</param>
    /// <returns>[rows, n].</returns>
    public static Tensor GatherRows(Tape tape, Tensor x, ReadOnlyMemory<int> rows)
    {
        Check.Matrix("GatherRows", "x", x);
        int columns = x.Shape[1];
        Tensor y = tape.Allocate(new Shape(rows.Length, columns), "rows");
        ReadOnlySpan<int> indices = rows.Span;
        for (int i = 0; i < indices.Length; i++)
        {
            if ((uint)indices[i] >= (uint)x.Shape[0]) throw new ArgumentException($"GatherRows: a row must be from 0 to {x.Shape[0] - 1}, got {indices[i]}.");
            x.Data.Slice(indices[i] * columns, columns).CopyTo(y.Data[(i * columns)..]);
        }
        if (tape.Records(x)) tape.Record(y, new GatherRowsNode(x, rows));
        return y;
    }
}

/// <summary>Adds each row's gradient to the row it was taken from, in order; a token table is read the same way.</summary>
internal readonly record struct GatherRowsNode(Tensor X, ReadOnlyMemory<int> Rows) : INode
{
    public void Backward(Tape tape, Tensor y)
    {
        int columns = X.Shape[1];
        ReadOnlySpan<int> indices = Rows.Span;
        Span<float> dx = X.Gradient, dy = y.Gradient;
        for (int i = 0; i < indices.Length; i++)
        {
            Span<float> row = dx.Slice(indices[i] * columns, columns);
            TensorPrimitives.Add<float>(row, dy.Slice(i * columns, columns), row);
        }
    }
}
