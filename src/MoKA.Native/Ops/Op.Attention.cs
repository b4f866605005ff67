using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>
    /// Causal scaled dot-product attention with grouped queries (Vaswani et al., arXiv 1706.03762; Ainslie et al.,
    /// arXiv 2305.13245): per head y = softmax(q kᵀ / √headDim) v, each token seeing itself and what came before it in
    /// its own sequence. The gradient is written where it is computed, in the kernel.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="q">Queries [tokens, heads * headDim].</param>
    /// <param name="k">Keys [tokens, kvHeads * headDim].</param>
    /// <param name="v">Values, like the keys.</param>
    /// <param name="heads">How many query heads.</param>
    /// <param name="keyValueHeads">How many key and value heads; divides <paramref name="heads"/>.</param>
    /// <param name="sequences">Which tokens belong together.</param>
    /// <returns>[tokens, heads * headDim].</returns>
    public static Tensor Attention(Tape tape, Tensor q, Tensor k, Tensor v, int heads, int keyValueHeads, Sequences sequences)
    {
        AttentionShape shape = CheckAttention(q, k.Shape, heads, keyValueHeads, sequences);
        Check.Shape("Attention", "v", v, k.Shape, "k", k.Shape);
        if (sequences.Offset != 0 || !sequences.Kept.IsEmpty || k.Shape[0] != q.Shape[0]) throw new ArgumentException($"Attention: k must have the tokens of q {q}, got {k}; use CachedAttention to continue a text.");
        Tensor y = tape.Allocate(q.Shape, "attention");
        Tensor statistics = tape.Allocate(new Shape(q.Shape[0], 2 * heads), "row maxima and sums");
        AttentionKernel.Forward(tape.Cpu, shape, q.Matrix, k.Matrix, v.Matrix, y.Matrix, statistics.Matrix);
        if (tape.Records(q, k) || tape.Records(v)) tape.Record(y, new AttentionNode(shape, q, k, v, statistics));
        return y;
    }

    /// <summary>
    /// The same for new tokens of texts whose earlier keys and values are kept: row i of sequence s is position
    /// <c>sequences.Past(s)</c> + i, and its keys begin at row <c>sequences.FirstKey(s)</c>. For generation, so it records
    /// nothing; the bits are those of <see cref="Attention"/> over each whole text.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="q">Queries of the new tokens [tokens, heads * headDim].</param>
    /// <param name="keys">All keys so far, the new ones included: [rows of the cache, kvHeads * headDim].</param>
    /// <param name="values">Likewise the values.</param>
    /// <param name="heads">How many query heads.</param>
    /// <param name="keyValueHeads">How many key and value heads.</param>
    /// <param name="sequences">One sequence whose offset is the number of tokens kept before, or several with what is kept of each.</param>
    public static Tensor CachedAttention(Tape tape, Tensor q, Tensor keys, Tensor values, int heads, int keyValueHeads, Sequences sequences)
    {
        AttentionShape shape = CheckAttention(q, keys.Shape, heads, keyValueHeads, sequences);
        Check.Shape("CachedAttention", "values", values, keys.Shape, "keys", keys.Shape);
        if (sequences.Count != 1 && sequences.Kept.IsEmpty) throw new ArgumentException($"CachedAttention: {sequences.Count} sequences need what is kept of each, got one offset.");
        for (int s = 0; s < sequences.Count; s++)
            if (keys.Shape[0] - sequences.FirstKey(s) < sequences.Past(s) + sequences.Length(s))
                throw new ArgumentException($"CachedAttention: keys must hold the {sequences.Past(s) + sequences.Length(s)} tokens of one sequence{(sequences.FirstKey(s) == 0 ? "" : $" from row {sequences.FirstKey(s)} on")}, got {keys}.");
        if (tape.Records(q)) throw new InvalidOperationException("CachedAttention: a cache has no gradient; use Attention to train.");
        Tensor y = tape.Allocate(q.Shape, "attention");
        Tensor statistics = tape.Allocate(new Shape(q.Shape[0], 2 * heads), "row maxima and sums");
        AttentionKernel.Forward(tape.Cpu, shape, q.Matrix, keys.Matrix, values.Matrix, y.Matrix, statistics.Matrix);
        // No recorded step mentions them after the kernel, and their memory is freed with them.
        GC.KeepAlive(keys);
        GC.KeepAlive(values);
        return y;
    }

    private static AttentionShape CheckAttention(Tensor q, Shape k, int heads, int keyValueHeads, Sequences sequences)
    {
        Check.Matrix("Attention", "q", q);
        sequences.Validate(q.Shape[0]);
        if (heads < 1 || keyValueHeads < 1 || heads % keyValueHeads != 0) throw new ArgumentException($"Attention: the query heads must be a multiple of the key-value heads, got {heads} and {keyValueHeads}.");
        if (q.Shape[1] % heads != 0 || k.Rank != 2 || k[1] != q.Shape[1] / heads * keyValueHeads)
            throw new ArgumentException($"Attention: q [tokens, {heads} * headDim] and k [tokens, {keyValueHeads} * headDim] must share headDim, got {q} and {k}.");
        return new AttentionShape(heads, keyValueHeads, q.Shape[1] / heads, sequences);
    }
}

file readonly record struct AttentionNode(AttentionShape Attention, Tensor Q, Tensor K, Tensor V, Tensor Statistics) : INode
{
    public void Backward(Tape tape, Tensor y) =>
        AttentionKernel.Backward(tape.Cpu, Attention, Q.Matrix, K.Matrix, V.Matrix, y.Matrix, Statistics.Matrix, y.GradientMatrix, Zeroed(tape, Q), Zeroed(tape, K), Zeroed(tape, V));

    private static MatrixSpan Zeroed(Tape tape, Tensor input)
    {
        MatrixSpan gradient = input.GradientToWriteOrSpare(tape, out bool add);
        if (!add) gradient.Data.Clear();
        return gradient;
    }
}
