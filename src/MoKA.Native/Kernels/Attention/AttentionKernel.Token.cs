using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

internal static partial class AttentionKernel
{
    /// <summary>
    /// One token of each sequence, as in generation: query heads that share a key-value head are the columns, so keys and values are
    /// read once for all of them, where they lie; the same bits as otherwise. They come from memory in the order in which they lie there,
    /// asked for a block ahead: a task goes through the keys once with all of its key-value heads, not once for each.
    /// </summary>
    private readonly ref struct TokenJob(AttentionShape shape, MatrixSpan q, MatrixSpan k, MatrixSpan v, MatrixSpan y, MatrixSpan statistics, int shares) : IJob
    {
        /// <summary>Query heads that read their common keys together: the lanes of a register on AVX-512, of two on AVX2. A head with keys of its own would leave all others empty.</summary>
        private const int Width = 16;

        private readonly MatrixSpan _q = q, _k = k, _v = v, _y = y, _statistics = statistics;

        /// <summary>A task is a sequence and a share of its key-value heads.</summary>
        public int Tasks => shape.Sequences.Count * shares;

        public static bool Suits(InstructionSet set, in AttentionShape shape)
        {
            if (shape.HeadsPerKey == 1 || !InPlaceProduct.Can(set, Width)) return false;
            for (int sequence = 0; sequence < shape.Sequences.Count; sequence++)
                if (shape.Sequences.Length(sequence) != 1) return false;
            return true;
        }

        public void Run(int item, Worker worker)
        {
            (int sequence, int share) = (item / shares, item % shares);
            int token = shape.Sequences.First(sequence), keys = shape.Sequences.Past(sequence) + 1, firstKey = shape.Sequences.FirstKey(sequence);
            int firstHead = shape.KeyValueHeads * share / shares, heads = shape.KeyValueHeads * (share + 1) / shares - firstHead, dim = shape.HeadDim;
            MatrixSpan k = _k.Block(firstKey, keys, firstHead * dim, heads * dim), v = _v.Block(firstKey, keys, firstHead * dim, heads * dim);
            // A key-value head with more query heads than lanes has several groups of them.
            int groupsOfHead = Ceiling.OfRatio(shape.HeadsPerKey, Width), groups = heads * groupsOfHead;
            Span<float> queries = worker.Scratch(ScratchSlot.Intermediate, groups * dim * Width), sums = worker.Scratch(ScratchSlot.IntermediateGradient, groups * dim * Width);
            Span<float> states = worker.Scratch(ScratchSlot.RowValues, groups * ColumnState.Length * Width);
            MatrixSpan scores = new(worker.Scratch(ScratchSlot.Scores, RowsPerBlock * Width), RowsPerBlock, Width);
            for (int g = 0; g < groups; g++)
            {
                Packing.Pack(Heads(_q.Row(token), firstHead, g, groupsOfHead).Transposed, Width, queries[(g * dim * Width)..]);
                StateOf(states, g).Begin();
            }
            Ask(k, 0, RowsPerBlock);
            Ask(v, 0, RowsPerBlock);
            for (int k0 = 0; k0 < keys; k0 += RowsPerBlock)
            {
                MatrixSpan block = scores.RowRange(0, Math.Min(RowsPerBlock, keys - k0));
                for (int g = 0; g < groups; g++)
                {
                    AskPart(k, k0 + RowsPerBlock, g, groups);
                    AskPart(v, k0 + RowsPerBlock, g, groups);
                    MatrixSpan sum = SumOf(sums, g);
                    ColumnState state = StateOf(states, g);
                    int column = g / groupsOfHead * dim;
                    InPlaceProduct.Run(worker, k.Block(k0, block.Rows, column, dim), new MatrixSpan(queries[(g * dim * Width)..], dim, Width), block, accumulate: false);
                    if (state.AddKeys(worker.InstructionSet, block, shape.Scale) && k0 > 0) MultiplyColumns(worker.InstructionSet, sum, state.Factors);
                    InPlaceProduct.Run(worker, v.Block(k0, block.Rows, column, dim).Transposed, block, sum, accumulate: k0 > 0);
                }
            }
            for (int g = 0; g < groups; g++)
                Finish(worker.InstructionSet, StateOf(states, g), SumOf(sums, g), Heads(_y.Row(token), firstHead, g, groupsOfHead), Statistics(_statistics.Row(token), firstHead, g, groupsOfHead));
        }

        /// <summary>yᵀ [dim, heads] of a group, before it is divided.</summary>
        private MatrixSpan SumOf(Span<float> sums, int group) => new(sums.Slice(group * shape.HeadDim * Width, shape.HeadDim * Width), shape.HeadDim, Width);

        private static ColumnState StateOf(Span<float> states, int group) => new(states.Slice(group * ColumnState.Length * Width, ColumnState.Length * Width), Width);

        /// <summary>The query heads of a group, [heads, dim] of a token's row.</summary>
        private MatrixSpan Heads(Span<float> row, int firstHead, int group, int groupsOfHead)
        {
            (int first, int count) = Group(firstHead, group, groupsOfHead);
            return new MatrixSpan(row.Slice(first * shape.HeadDim, count * shape.HeadDim), count, shape.HeadDim);
        }

        private MatrixSpan Statistics(Span<float> row, int firstHead, int group, int groupsOfHead)
        {
            (int first, int count) = Group(firstHead, group, groupsOfHead);
            return new MatrixSpan(row.Slice(2 * first, 2 * count), count, 2);
        }

        private (int First, int Count) Group(int firstHead, int group, int groupsOfHead)
        {
            (int head, int part) = Math.DivRem(group, groupsOfHead);
            return ((firstHead + head) * shape.HeadsPerKey + part * Width, Math.Min(Width, shape.HeadsPerKey - part * Width));
        }

        /// <summary>Asks for a part of the block of rows that begins at one.</summary>
        private static void AskPart(MatrixSpan rows, int first, int part, int parts) =>
            Ask(rows, first + RowsPerBlock * part / parts, RowsPerBlock * (part + 1) / parts - RowsPerBlock * part / parts);
    }
}
