using MoKA.Native.Autograd;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Bench;

/// <summary>What the machine can do at most, measured before anything is compared with it.</summary>
internal static class Machine
{
    private const int Steps = 1 << 12, Chains = 12, ItemsPerThread = 16;

    /// <summary>The processor's name and the runtime's version.</summary>
    public static string Description =>
        $"{ProcessorSays("model name")} (family {ProcessorSays("cpu family")}), {Environment.ProcessorCount} cores, {InstructionSets.Widest}, .NET {Environment.Version}";

    /// <summary>GFLOP/s of fused multiply-adds on registers alone, of all the processor's threads together, at best.</summary>
    public static double PeakGigaflops(Cpu cpu)
    {
        double seconds = Timing.LeastSeconds(() =>
        {
            PeakJob job = default;
            cpu.Run(ItemsPerThread * cpu.Threads, ref job);
        });
        int lanes = cpu.InstructionSet == InstructionSet.Avx512 ? 16 : cpu.InstructionSet == InstructionSet.Avx2 ? 8 : 1;
        return 2.0 * lanes * Chains * Steps * ItemsPerThread * cpu.Threads / seconds / 1e9;
    }

    /// <summary>Seconds in which all threads together copy one buffer to another of the same length, wherever they live: memory or a cache.</summary>
    public static double CopySeconds(Cpu cpu, Parameter from, Parameter to) => Timing.Seconds(() =>
    {
        CopyJob job = new(from.Data, to.Data);
        cpu.Run((from.Data.Length + CopyJob.FloatsPerItem - 1) / CopyJob.FloatsPerItem, ref job);
    });

    /// <summary>GB/s at which all threads together read half a gigabyte that is in no cache, each its own part in order.</summary>
    public static double ReadGigabytes(Cpu cpu)
    {
        const int floats = 1 << 27;
        using Parameter memory = new("memory", new Shape(floats), trainable: false);
        memory.Data.Fill(1);
        double seconds = Timing.Seconds(() =>
        {
            ReadJob job = new(memory.Data, cpu.Threads);
            cpu.Run(cpu.Threads, ref job);
        }, runs: 7);
        return sizeof(float) * (double)floats / seconds / 1e9;
    }

    private static string ProcessorSays(string key)
    {
        const string file = "/proc/cpuinfo";
        string? line = File.Exists(file) ? File.ReadLines(file).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal)) : null;
        return line?.Split(':')[1].Trim() ?? $"unknown {key}";
    }

    private readonly ref struct CopyJob(Span<float> from, Span<float> to) : IJob
    {
        public const int FloatsPerItem = 1 << 15;

        private readonly Span<float> _from = from, _to = to;

        public void Run(int item, Worker worker)
        {
            int first = item * FloatsPerItem;
            _from[first..Math.Min(first + FloatsPerItem, _from.Length)].CopyTo(_to[first..]);
        }
    }

    private readonly ref struct ReadJob(ReadOnlySpan<float> memory, int parts) : IJob
    {
        private readonly ReadOnlySpan<float> _memory = memory;

        public void Run(int item, Worker worker)
        {
            int length = _memory.Length / parts;
            worker.Scratch(ScratchSlot.RowValues, 1)[0] = Sum(_memory.Slice(item * length, length));
        }

        private static float Sum(ReadOnlySpan<float> numbers)
        {
            ReadOnlySpan<Vector512<float>> vectors = MemoryMarshal.Cast<float, Vector512<float>>(numbers);
            Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
            for (int i = 0; i + 4 <= vectors.Length; i += 4)
            {
                s0 += vectors[i];
                s1 += vectors[i + 1];
                s2 += vectors[i + 2];
                s3 += vectors[i + 3];
            }
            return Vector512.Sum(s0 + s1 + s2 + s3);
        }
    }

    private readonly struct PeakJob : IJob
    {
        public void Run(int item, Worker worker)
        {
            float sum = worker.InstructionSet switch
            {
                InstructionSet.Avx512 => Wide(),
                InstructionSet.Avx2 => Narrow(),
                _ => Scalar(),
            };
            worker.Scratch(ScratchSlot.RowValues, 1)[0] = sum;
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static float Wide()
        {
            Vector512<float> a = Vector512.Create(0.5f), b = Vector512.Create(0.25f);
            Vector512<float> c0 = a, c1 = a, c2 = a, c3 = a, c4 = a, c5 = a, c6 = a, c7 = a, c8 = a, c9 = a, c10 = a, c11 = a;
            for (int i = 0; i < Steps; i++)
            {
                c0 = Vector512.FusedMultiplyAdd(c0, a, b);
                c1 = Vector512.FusedMultiplyAdd(c1, a, b);
                c2 = Vector512.FusedMultiplyAdd(c2, a, b);
                c3 = Vector512.FusedMultiplyAdd(c3, a, b);
                c4 = Vector512.FusedMultiplyAdd(c4, a, b);
                c5 = Vector512.FusedMultiplyAdd(c5, a, b);
                c6 = Vector512.FusedMultiplyAdd(c6, a, b);
                c7 = Vector512.FusedMultiplyAdd(c7, a, b);
                c8 = Vector512.FusedMultiplyAdd(c8, a, b);
                c9 = Vector512.FusedMultiplyAdd(c9, a, b);
                c10 = Vector512.FusedMultiplyAdd(c10, a, b);
                c11 = Vector512.FusedMultiplyAdd(c11, a, b);
            }
            return Vector512.Sum(c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static float Narrow()
        {
            Vector256<float> a = Vector256.Create(0.5f), b = Vector256.Create(0.25f);
            Vector256<float> c0 = a, c1 = a, c2 = a, c3 = a, c4 = a, c5 = a, c6 = a, c7 = a, c8 = a, c9 = a, c10 = a, c11 = a;
            for (int i = 0; i < Steps; i++)
            {
                c0 = Vector256.FusedMultiplyAdd(c0, a, b);
                c1 = Vector256.FusedMultiplyAdd(c1, a, b);
                c2 = Vector256.FusedMultiplyAdd(c2, a, b);
                c3 = Vector256.FusedMultiplyAdd(c3, a, b);
                c4 = Vector256.FusedMultiplyAdd(c4, a, b);
                c5 = Vector256.FusedMultiplyAdd(c5, a, b);
                c6 = Vector256.FusedMultiplyAdd(c6, a, b);
                c7 = Vector256.FusedMultiplyAdd(c7, a, b);
                c8 = Vector256.FusedMultiplyAdd(c8, a, b);
                c9 = Vector256.FusedMultiplyAdd(c9, a, b);
                c10 = Vector256.FusedMultiplyAdd(c10, a, b);
                c11 = Vector256.FusedMultiplyAdd(c11, a, b);
            }
            return Vector256.Sum(c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static float Scalar()
        {
            Span<float> c = stackalloc float[Chains];
            for (int i = 0; i < Steps; i++)
                for (int j = 0; j < Chains; j++) c[j] = MathF.FusedMultiplyAdd(c[j], 0.5f, 0.25f);
            return c[0];
        }
    }
}
