using System.Runtime.CompilerServices;
using System.Numerics.Tensors;

namespace MoKA.Native.Kernels;

/// <summary>What blocks of tokens computed apart, added in the blocks' order so that the sum has one order at any number of threads.</summary>
internal static class PartialSums
{
    private const int SumsPerTask = 1024;

    /// <summary>sum [n] = the rows of partials [blocks, n], one after another.</summary>
    [MethodImpl(Compiled.AtOnce)]
    public static void Run(Cpu cpu, MatrixSpan partials, Span<float> sum)
    {
        Job job = new(partials, sum);
        cpu.Run(Ceiling.OfRatio(sum.Length, SumsPerTask), ref job);
    }

    private readonly ref struct Job(MatrixSpan partials, Span<float> sum) : IJob
    {
        private readonly MatrixSpan _partials = partials;
        private readonly Span<float> _sum = sum;

        [MethodImpl(Compiled.AtOnce)]
        public void Run(int item, Worker worker)
        {
            int first = item * SumsPerTask, count = Math.Min(SumsPerTask, _sum.Length - first);
            Span<float> sum = _sum.Slice(first, count);
            sum.Clear();
            for (int block = 0; block < _partials.Rows; block++) TensorPrimitives.Add<float>(sum, _partials.Row(block).Slice(first, count), sum);
        }
    }
}
