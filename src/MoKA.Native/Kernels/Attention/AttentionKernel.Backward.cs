using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

internal static partial class AttentionKernel
{
    private readonly ref struct BackwardJob(AttentionShape shape, MatrixSpan q, MatrixSpan k, MatrixSpan v, MatrixSpan y, MatrixSpan statistics, MatrixSpan dy, MatrixSpan dq, MatrixSpan dk, MatrixSpan dv) : IJob
    {
        private readonly MatrixSpan _q = q, _k = k, _v = v, _y = y, _statistics = statistics, _dy = dy, _dq = dq, _dk = dk, _dv = dv;

        public void Run(int item, Worker worker)
        {
            (int sequence, int group) = (item / shape.KeyValueHeads, item % shape.KeyValueHeads);
            for (int head = group * shape.HeadsPerKey; head < (group + 1) * shape.HeadsPerKey; head++) Head(worker, sequence, head);
        }

        /// <summary>
        /// Keys as the columns: in the forward pass s = scale q kᵀ, p = softmax(s), y = p v. Now dp = dy vᵀ,
        /// ds = scale p ⊙ (dp - dy·y), dkᵀ = qᵀ ds, dvᵀ = dyᵀ p, where p and ds are panels as they are, and dq = ds k.
        /// </summary>
        private void Head(Worker worker, int sequence, int head)
        {
            InstructionSet set = worker.InstructionSet;
            int first = shape.Sequences.First(sequence), length = shape.Sequences.Length(sequence), dim = shape.HeadDim;
            int column = head * dim, keyColumn = head / shape.HeadsPerKey * dim, width = GemmTile.Width(set), tall = GemmTile.TallHeight(set);
            MatrixSpan q = _q.Block(first, length, column, dim), dy = _dy.Block(first, length, column, dim);
            MatrixSpan k = _k.Block(first, length, keyColumn, dim), v = _v.Block(first, length, keyColumn, dim), dk = _dk.Block(first, length, keyColumn, dim), dv = _dv.Block(first, length, keyColumn, dim);
            Span<float> memory = worker.Scratch(ScratchSlot.PackedHead, 2 * PackedRows.Length(set, length, dim) + 2 * PackedBlocks.Length(set, length, dim) + length * dim);
            MatrixSpan queryGradients = new(Take(ref memory, length * dim), length, dim);
            PackedRows queries = PackByRows(worker, q, ref memory), gradients = PackByRows(worker, dy, ref memory);
            PackedBlocks queriesByDim = PackByColumns(worker, q, ref memory), gradientsByDim = PackByColumns(worker, dy, ref memory);
            RowState rows = new(worker, shape, head, _statistics.RowRange(first, length), dy, _y.Block(first, length, column, dim));
            KeyPanel keys = new(worker, dim, width);
            MatrixSpan p = new(worker.Scratch(ScratchSlot.Scores, RowsPerBlock * width), RowsPerBlock, width);
            MatrixSpan ds = new(worker.Scratch(ScratchSlot.ScoreGradients, RowsPerBlock * width), RowsPerBlock, width);
            for (int j0 = 0; j0 < length; j0 += width)
            {
                int some = Math.Min(width, length - j0);
                keys.Load(k.RowRange(j0, some), v.RowRange(j0, some));
                Ask(k, j0 + width, width);
                Ask(v, j0 + width, width);
                Ask(dk, j0, width);
                Ask(dv, j0, width);
                int firstBlock = j0 / RowsPerBlock * RowsPerBlock;
                for (int block = firstBlock; block < length; block += RowsPerBlock)
                {
                    // Queries before the first key see none; whole tiles of them are left out.
                    int i0 = block + Math.Max(j0 - block, 0) / tall * tall, count = Math.Min(block + RowsPerBlock, length) - i0;
                    MatrixSpan pRows = p.RowRange(0, count), dsRows = ds.RowRange(0, count);
                    Gemm.MultiplyPacked(worker, queries, i0, i0 + count, 0, dim, keys.Keys, pRows, accumulate: false);
                    Gemm.MultiplyPacked(worker, gradients, i0, i0 + count, 0, dim, keys.Values, dsRows, accumulate: false);
                    rows.Gradients(set, i0, pRows, dsRows, shape.Scale);
                    for (int i = i0; i < Math.Min(i0 + count, j0 + width - 1); i++)
                    {
                        int visible = Math.Max(i + 1 - j0, 0);
                        pRows.Row(i - i0)[visible..].Clear();
                        dsRows.Row(i - i0)[visible..].Clear();
                    }
                    Gemm.MultiplyPacked(worker, queriesByDim[block], 0, dim, i0, count, ds.Data, keys.KeyGradients, accumulate: block > firstBlock);
                    Gemm.MultiplyPacked(worker, gradientsByDim[block], 0, dim, i0, count, p.Data, keys.ValueGradients, accumulate: block > firstBlock);
                    Gemm.MultiplyOnThisThread(worker, dsRows.Block(0, count, 0, some), keys.KeysByDim(some), queryGradients.RowRange(i0, count), accumulate: j0 > 0);
                }
                keys.AddGradientsTo(dk.RowRange(j0, some), dv.RowRange(j0, some));
            }
            AddRows(queryGradients, _dq.Block(first, length, column, dim));
        }
    }

    /// <summary>Adds to rows that lie a whole token apart, once a head: the sums themselves grow where a cache holds them.</summary>
    private static void AddRows(MatrixSpan sums, MatrixSpan to)
    {
        for (int i = 0; i < to.Rows; i++) TensorPrimitives.Add<float>(to.Row(i), sums.Row(i), to.Row(i));
    }

    /// <summary>What the block of keys that is worked on needs: panels of kᵀ and vᵀ, k with adjacent rows, and the sums dkᵀ and dvᵀ [d, width].</summary>
    private readonly ref struct KeyPanel
    {
        private readonly Span<float> _keysByDim;
        private readonly int _dim, _width;

        public KeyPanel(Worker worker, int dim, int width)
        {
            int panel = dim * width;
            Span<float> operands = worker.Scratch(ScratchSlot.Intermediate, 3 * panel), sums = worker.Scratch(ScratchSlot.IntermediateGradient, 2 * panel);
            Keys = Take(ref operands, panel);
            Values = Take(ref operands, panel);
            _keysByDim = operands;
            (_dim, _width) = (dim, width);
            KeyGradients = new MatrixSpan(Take(ref sums, panel), dim, width);
            ValueGradients = new MatrixSpan(Take(ref sums, panel), dim, width);
        }

        public Span<float> Keys { get; }

        public Span<float> Values { get; }

        public MatrixSpan KeyGradients { get; }

        public MatrixSpan ValueGradients { get; }

        /// <summary>k [keys, d].</summary>
        public MatrixSpan KeysByDim(int keys) => new(_keysByDim, keys, _dim);

        public void Load(MatrixSpan k, MatrixSpan v)
        {
            Packing.Pack(k.Transposed, _width, Keys);
            Packing.Pack(v.Transposed, _width, Values);
            Packing.Copy(k, _dim, _keysByDim, 0);
        }

        public void AddGradientsTo(MatrixSpan dk, MatrixSpan dv)
        {
            AddTransposed(KeyGradients, dk);
            AddTransposed(ValueGradients, dv);
        }

        /// <summary>The panel's keys are done with, so their place takes the sums by rows.</summary>
        private void AddTransposed(MatrixSpan sums, MatrixSpan to)
        {
            MatrixSpan rows = KeysByDim(to.Rows);
            Packing.Copy(sums.Transposed.RowRange(0, to.Rows), _dim, rows.Data, 0);
            AddRows(rows, to);
        }
    }

    /// <summary>Three numbers of each query: its largest score, 1 / Σ e^(score - largest), and Σ p dp = dy·y, since y = p v and dp = dy vᵀ.</summary>
    private readonly ref struct RowState
    {
        private readonly Span<float> _values;

        public RowState(Worker worker, AttentionShape shape, int head, MatrixSpan statistics, MatrixSpan dy, MatrixSpan y)
        {
            _values = worker.Scratch(ScratchSlot.RowValues, 3 * y.Rows);
            for (int i = 0; i < y.Rows; i++)
            {
                statistics.Row(i).Slice(2 * head, 2).CopyTo(_values[(3 * i)..]);
                _values[3 * i + 2] = Reduce.Dot(worker.InstructionSet, dy.Row(i), y.Row(i));
            }
        }

        /// <summary>Scores in p become probabilities, and dp in ds becomes ds = scale p ⊙ (dp - dy·y), both [rows, width].</summary>
        [MethodImpl(Compiled.AtOnce)]
        public void Gradients(InstructionSet set, int first, MatrixSpan p, MatrixSpan ds, float scale)
        {
            if (set == InstructionSet.Avx512) Gradients<SixteenLanes>(first, p, ds, scale);
            else if (set == InstructionSet.Avx2) Gradients<EightLanes>(first, p, ds, scale);
            else Gradients<OneLane>(first, p, ds, scale);
        }

        [MethodImpl(Compiled.AtOnce)]
        private void Gradients<TLanes>(int first, MatrixSpan p, MatrixSpan ds, float scale) where TLanes : struct, ILanes<TLanes>
        {
            int width = p.Columns;
            // The slices prove the bounds once; the loops below then read and write without checks.
            ref float probabilities = ref MemoryMarshal.GetReference(p.Data[..(p.Rows * width)]);
            ref float gradients = ref MemoryMarshal.GetReference(ds.Data[..(p.Rows * width)]);
            TLanes factorOfScore = TLanes.Broadcast(scale);
            for (int i = 0; i < p.Rows; i++)
            {
                ReadOnlySpan<float> row = _values.Slice(3 * (first + i), 3);
                TLanes max = TLanes.Broadcast(row[0]), factor = TLanes.Broadcast(row[1]), inner = TLanes.Broadcast(row[2]);
                for (int j = i * width; j < (i + 1) * width; j += TLanes.Count)
                {
                    TLanes e = Exp.Of(TLanes.Load(ref probabilities, j) * factorOfScore - max) * factor;
                    e.Store(ref probabilities, j);
                    ((TLanes.Load(ref gradients, j) - inner) * e * factorOfScore).Store(ref gradients, j);
                }
            }
        }
    }
}
