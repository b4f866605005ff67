using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Quantization;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>Table lookup y[t] = table[ids[t]]; the gradient of a row is the sum over the tokens that used it.</summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="table">[vocabulary, dim].</param>
    /// <param name="ids">[tokens], each in 0 .. vocabulary - 1; must stay as it is until the backward pass.</param>
    /// <returns>[tokens, dim].</returns>
    public static Tensor Embedding(Tape tape, Tensor table, ReadOnlyMemory<int> ids)
    {
        Check.Matrix("Embedding", "table", table);
        (int vocabulary, int dim) = (table.Shape[0], table.Shape[1]);
        Tensor y = tape.Allocate(new Shape(ids.Length, dim), "embedding");
        ReadOnlySpan<int> rows = ids.Span;
        Span<float> from = table.Data, to = y.Data;
        for (int t = 0; t < rows.Length; t++) from.Slice(RequireToken(rows, t, vocabulary) * dim, dim).CopyTo(to[(t * dim)..]);
        if (tape.Records(table)) tape.Record(y, new GatherRowsNode(table, ids));
        return y;
    }

    /// <summary>The same from a frozen table in any storage, of which only the rows asked for are read.</summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="table">[vocabulary, dim].</param>
    /// <param name="ids">[tokens], each in 0 .. vocabulary - 1.</param>
    /// <returns>[tokens, dim].</returns>
    public static Tensor Embedding(Tape tape, FrozenMatrix table, ReadOnlyMemory<int> ids)
    {
        Tensor y = tape.Allocate(new Shape(ids.Length, table.Columns), "embedding");
        ReadOnlySpan<int> rows = ids.Span;
        Span<float> to = y.Data;
        for (int t = 0; t < rows.Length; t++) table.DequantizeRow(RequireToken(rows, t, table.Rows), to.Slice(t * table.Columns, table.Columns));
        return y;
    }

    private static int RequireToken(ReadOnlySpan<int> ids, int t, int vocabulary) => (uint)ids[t] < (uint)vocabulary
        ? ids[t]
        : throw new ArgumentException($"Embedding: token {t} must be an id from 0 to {vocabulary - 1}, got {ids[t]}; tokenizer and model do not belong together.");
}
