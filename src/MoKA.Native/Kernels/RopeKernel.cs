using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>Rotates the pairs of every head of every row by the angle of the row's position.</summary>
internal static class RopeKernel
{
    public static void Rotate(Cpu cpu, MatrixSpan x, RopeTable table, Sequences sequences, bool backwards, MatrixSpan y, bool accumulate)
    {
        Job job = new(x, table, sequences, backwards, y, accumulate);
        cpu.Run(RowBlocks.Count(x.Rows), ref job);
    }

    private readonly ref struct Job(MatrixSpan x, RopeTable table, Sequences sequences, bool backwards, MatrixSpan y, bool accumulate) : IJob
    {
        private readonly MatrixSpan _x = x, _y = y;

        [MethodImpl(Compiled.AtOnce)]
        public void Run(int item, Worker worker)
        {
            (int first, int last) = RowBlocks.Range(item, _x.Rows);
            int sequence = 0, width = 2 * table.Pairs;
            for (int t = first; t < last; t++)
            {
                while (sequences.First(sequence + 1) <= t) sequence++;
                int position = sequences.Past(sequence) + t - sequences.First(sequence);
                ReadOnlySpan<float> cosines = table.Cosines(position), sines = table.Sines(position);
                Span<float> from = _x.Row(t), to = _y.Row(t);
                for (int head = 0; head < from.Length; head += width)
                {
                    PairKernel kernel = new(from.Slice(head, width), cosines, sines, backwards ? -1 : 1, to.Slice(head, width), accumulate ? 1 : 0);
                    Elementwise.Run(worker.InstructionSet, table.Pairs, ref kernel);
                }
            }
        }
    }

    /// <summary>(u, v) to (u cos - v sin, v cos + u sin), the sine's sign turned for the way back, plus keep times what is there.</summary>
    private readonly ref struct PairKernel(Span<float> x, ReadOnlySpan<float> cosines, ReadOnlySpan<float> sines, float direction, Span<float> y, float keep) : IElementwise
    {
        private readonly ref float _u = ref MemoryMarshal.GetReference(x);
        private readonly ref float _v = ref x[cosines.Length];
        private readonly ref float _cosines = ref MemoryMarshal.GetReference(cosines);
        private readonly ref float _sines = ref MemoryMarshal.GetReference(sines);
        private readonly ref float _yu = ref MemoryMarshal.GetReference(y);
        private readonly ref float _yv = ref y[cosines.Length];

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes>(int i) where TLanes : struct, ILanes<TLanes>
        {
            TLanes u = TLanes.Load(ref _u, i), v = TLanes.Load(ref _v, i);
            TLanes cos = TLanes.Load(ref _cosines, i), sin = TLanes.Load(ref _sines, i) * TLanes.Broadcast(direction);
            TLanes newU = u * cos - v * sin, newV = v * cos + u * sin;
            if (keep != 0)
            {
                newU += TLanes.Load(ref _yu, i);
                newV += TLanes.Load(ref _yv, i);
            }
            newU.Store(ref _yu, i);
            newV.Store(ref _yv, i);
        }
    }
}
