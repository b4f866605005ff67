using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// Causal attention with grouped queries over sequences that lie end to end, in blocks of queries and of keys: no buffer
/// grows with the square of the length. Forward keeps each row's maximum and sum, so the way back computes the
/// probabilities again instead of keeping them (Dao et al., arXiv 2205.14135). See Attention.md.
/// </summary>
internal static partial class AttentionKernel
{
    /// <summary>
    /// Rows of a block of scores, whole tiles on every instruction set: [84, 32] scores and their gradients are two thirds of a
    /// first-level cache. Forward's maxima rise at its edges, so it decides bits and must be the same everywhere.
    /// </summary>
    private const int RowsPerBlock = 84;

    /// <summary>
    /// y = softmax(scale q kᵀ, causal) v for every head. q, y [tokens, heads * headDim]; k, v [keys, kvHeads * headDim],
    /// where keys = tokens, or the rows of a cache that keeps what came before each sequence. statistics [tokens, heads * 2].
    /// </summary>
    public static void Forward(Cpu cpu, in AttentionShape shape, MatrixSpan q, MatrixSpan k, MatrixSpan v, MatrixSpan y, MatrixSpan statistics)
    {
        if (TokenJob.Suits(cpu.InstructionSet, shape))
        {
            TokenJob token = new(shape, q, k, v, y, statistics, Math.Min(cpu.Threads, shape.KeyValueHeads));
            cpu.Run(token.Tasks, ref token);
            return;
        }
        ForwardJob job = new(shape, q, k, v, y, statistics);
        cpu.Run(shape.Sequences.Count * shape.Heads, ref job);
    }

    /// <summary>Adds to dq, dk, dv. One task is one key-value head of one sequence, so the heads of a group add in order.</summary>
    public static void Backward(Cpu cpu, in AttentionShape shape, MatrixSpan q, MatrixSpan k, MatrixSpan v, MatrixSpan y, MatrixSpan statistics, MatrixSpan dy, MatrixSpan dq, MatrixSpan dk, MatrixSpan dv)
    {
        BackwardJob job = new(shape, q, k, v, y, statistics, dy, dq, dk, dv);
        cpu.Run(shape.Sequences.Count * shape.KeyValueHeads, ref job);
    }

    /// <summary>All rows of x [n, d] packed by rows, for products over d.</summary>
    private static PackedRows PackByRows(Worker worker, MatrixSpan x, scoped ref Span<float> memory)
    {
        PackedRows packed = new(worker.InstructionSet, x.Rows, 0, x.Columns, Take(ref memory, PackedRows.Length(worker.InstructionSet, x.Rows, x.Columns)));
        for (int first = 0; first < x.Rows; first += RowsPerBlock)
        {
            Ask(x, first + RowsPerBlock, RowsPerBlock);
            for (int slab = 0; slab < packed.Slabs; slab++) packed.Pack(worker, new FloatPanels(x.Transposed), slab, first, Math.Min(first + RowsPerBlock, x.Rows), firstRow: 0);
        }
        return packed;
    }

    /// <summary>xᵀ packed by its rows, the columns of x [n, d], for products over n: each block of n by itself.</summary>
    private static PackedBlocks PackByColumns(Worker worker, MatrixSpan x, scoped ref Span<float> memory)
    {
        PackedBlocks packed = new(worker.InstructionSet, x.Rows, x.Columns, Take(ref memory, PackedBlocks.Length(worker.InstructionSet, x.Rows, x.Columns)));
        for (int first = 0; first < x.Rows; first += RowsPerBlock)
        {
            Ask(x, first + RowsPerBlock, RowsPerBlock);
            packed[first].Pack(worker, new FloatPanels(x), 0, 0, x.Columns, firstRow: 0);
        }
        return packed;
    }

    /// <summary>
    /// Asks for some rows of one head, which lie a whole token apart: pieces too short for the processor to foresee, so packing them
    /// would wait for each. Rows beyond the last are left out.
    /// </summary>
    private static void Ask(MatrixSpan x, int first, int rows)
    {
        for (int i = first; i < Math.Min(first + rows, x.Rows); i++) Prefetch.Lines(MemoryMarshal.AsBytes(x.Row(i)));
    }

    private static Span<float> Take(scoped ref Span<float> memory, int count)
    {
        Span<float> taken = memory[..count];
        memory = memory[count..];
        return taken;
    }

    /// <summary>xᵀ [d, n] cut into blocks of <see cref="RowsPerBlock"/> steps of n.</summary>
    private readonly ref struct PackedBlocks(InstructionSet set, int steps, int rows, Span<float> memory)
    {
        private readonly Span<float> _memory = memory;

        /// <summary>The block that begins at a step, a multiple of <see cref="RowsPerBlock"/>.</summary>
        public PackedRows this[int first] =>
            new(set, rows, first, Math.Min(RowsPerBlock, steps - first), _memory.Slice(PackedRows.Length(set, rows, first), PackedRows.Length(set, rows, Math.Min(RowsPerBlock, steps - first))));

        public static int Length(InstructionSet set, int steps, int rows) => PackedRows.Length(set, rows, steps);
    }
}

/// <summary>The integers of an attention layer. Each key-value head serves <see cref="HeadsPerKey"/> query heads.</summary>
internal readonly record struct AttentionShape(int Heads, int KeyValueHeads, int HeadDim, Sequences Sequences)
{
    public int HeadsPerKey => Heads / KeyValueHeads;

    public float Scale => 1 / MathF.Sqrt(HeadDim);
}
