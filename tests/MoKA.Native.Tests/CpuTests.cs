using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Tests;

public sealed class CpuTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void EveryItemRunsExactlyOnceOverThousandsOfJobs(int threads)
    {
        using Cpu cpu = new(threads);
        int[] counts = new int[64];
        for (int repeat = 0; repeat < 3_000; repeat++)
        {
            int items = repeat % counts.Length + 1;
            CountingJob job = new(counts.AsSpan(0, items));
            cpu.Run(items, ref job);
            Assert.Equal(-1, counts.AsSpan(0, items).IndexOfAnyExcept(1));
            Array.Clear(counts);
        }
    }

    [Fact]
    public void ThreadsWakeFromSleep()
    {
        using Cpu cpu = new(3);
        int[] counts = new int[10];
        for (int repeat = 1; repeat <= 5; repeat++)
        {
            Thread.Sleep(20);
            CountingJob job = new(counts);
            cpu.Run(counts.Length, ref job);
            Assert.All(counts, count => Assert.Equal(repeat, count));
        }
    }

    [Fact]
    public void SeveralCallersTakeTurns()
    {
        using Cpu cpu = new(3);
        Parallel.For(0, 4, _ =>
        {
            int[] counts = new int[9];
            for (int repeat = 1; repeat <= 300; repeat++)
            {
                CountingJob job = new(counts);
                cpu.Run(counts.Length, ref job);
                Assert.Equal(-1, counts.AsSpan().IndexOfAnyExcept(repeat));
            }
        });
    }

    /// <summary>
    /// A thread may do its part and fall asleep before its caller, held up, gets to wake it: it is then woken when there is
    /// no new job. Taken for one, that made it work on the next job twice, or not at all and its caller wait for ever.
    /// </summary>
    [Fact]
    public async Task AThreadWokenForNothingWaitsAgain()
    {
        await Task.Run(() =>
        {
            using Cpu cpu = new(4, instructionSet: null, spinsBeforeSleep: 0);
            int[] counts = new int[40];
            for (int repeat = 1; repeat <= 2_000; repeat++)
            {
                cpu.WakeSleepers();
                CountingJob job = new(counts);
                cpu.Run(counts.Length, ref job);
                cpu.WakeSleepers();
                Assert.Equal(-1, counts.AsSpan().IndexOfAnyExcept(repeat));
            }
        }).WaitAsync(TimeSpan.FromMinutes(2));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void AFailureReachesTheCallerAndTheNextJobRuns(int threads)
    {
        using Cpu cpu = new(threads);
        for (int repeat = 0; repeat < 100; repeat++)
        {
            Exception failure = Assert.ThrowsAny<Exception>(() =>
            {
                FailingJob failing = new();
                cpu.Run(20, ref failing);
            });
            Assert.Contains("item 13", failure.Message);
            int[] counts = new int[20];
            CountingJob job = new(counts);
            cpu.Run(counts.Length, ref job);
            Assert.All(counts, count => Assert.Equal(1, count));
        }
    }

    [Fact]
    public void ScratchMemoryIsPrivateAndGrows()
    {
        using Cpu cpu = new(2);
        Span<float> first = cpu.Scratch(0, ScratchSlot.Scores, 10), second = cpu.Scratch(1, ScratchSlot.Scores, 10), other = cpu.Scratch(0, ScratchSlot.RowValues, 10);
        first.Fill(1);
        second.Fill(2);
        other.Fill(3);
        Assert.Equal([1f, 2f, 3f], [first[9], second[0], other[0]]);
        Assert.Equal(1, cpu.Scratch(0, ScratchSlot.Scores, 5)[4]);
        Assert.Equal(5000, cpu.Scratch(0, ScratchSlot.Scores, 5000).Length);
    }

    [Fact]
    public void DisposingTwiceIsHarmless()
    {
        Cpu cpu = new(3);
        cpu.Dispose();
        cpu.Dispose();
        Assert.Throws<ArgumentOutOfRangeException>(() => new Cpu(-1));
    }

    [Fact]
    public void InstructionSetsAreNamedAndBounded()
    {
        Assert.Equal(Enum.GetValues<InstructionSet>(), Enum.GetNames<InstructionSet>().Select(InstructionSets.Parse));
        Assert.Equal("MOKA_ISA: the instruction set must be scalar, avx2 or avx512, got 'sse'.", Assert.Throws<MokaException>(() => InstructionSets.Parse("sse")).Message);
        foreach (InstructionSet set in Enum.GetValues<InstructionSet>())
        {
            if (set <= InstructionSets.Widest) Assert.Equal(set, InstructionSets.Require(set));
            else Assert.Throws<MokaException>(() => InstructionSets.Require(set));
        }
        Assert.All(Cpus.All, cpu => Assert.Contains(cpu.InstructionSet, Cpus.Sets));
    }

    private readonly ref struct CountingJob(Span<int> counts) : IJob
    {
        private readonly Span<int> _counts = counts;

        public void Run(int item, Worker worker) => Interlocked.Increment(ref _counts[item]);
    }

    private readonly struct FailingJob : IJob
    {
        public void Run(int item, Worker worker)
        {
            if (item == 13) throw new InvalidDataException("item 13");
        }
    }
}
