using System.Numerics.Tensors;

namespace MoKA.Native.Kernels;

/// <summary>Sums of long rows, shared among the threads.</summary>
internal static class Addition
{
    private const int ElementsPerTask = 1 << 15;

    /// <summary>destination = a + b; the destination may be either of them.</summary>
    public static void Run(Cpu cpu, Span<float> a, Span<float> b, Span<float> destination)
    {
        Job job = new(a, b, destination);
        cpu.Run(Ceiling.OfRatio(a.Length, ElementsPerTask), ref job);
    }

    private readonly ref struct Job(Span<float> a, Span<float> b, Span<float> destination) : IJob
    {
        private readonly Span<float> _a = a, _b = b, _destination = destination;

        public void Run(int item, Worker worker)
        {
            int first = item * ElementsPerTask, count = Math.Min(ElementsPerTask, _a.Length - first);
            TensorPrimitives.Add<float>(_a.Slice(first, count), _b.Slice(first, count), _destination.Slice(first, count));
        }
    }
}
