using System.Runtime.CompilerServices;
using MoKA.Native.Kernels;
using MoKA.Native.Memory;

namespace MoKA.Native;

/// <summary>
/// The threads and the instruction set that ops compute with. Neither changes a single bit of any result: work is cut
/// by output elements, never along a sum.
/// </summary>
/// <remarks>
/// Threads wait for work by spinning briefly and then sleep, so an idle processor costs nothing. Each thread begins with its own
/// share of a job's items, the same in every job of as many, and then helps with the others': tokens that one op wrote are
/// read by the next op from the cache of the same core.
/// </remarks>
public sealed unsafe class Cpu : IDisposable
{
    private const int DefaultSpins = 2000;

    /// <summary>Each thread's counter has a cache line of its own.</summary>
    private const int CounterStride = 64 / sizeof(int);

    private readonly int _spinsBeforeSleep;
    private readonly Lock _oneJobAtATime = new();
    private readonly Thread[] _threads;
    private readonly SemaphoreSlim[] _wake;
    private readonly int[] _asleep;
    private readonly AlignedBuffer?[] _scratch;

    private delegate*<void*, int, Worker, void> _run;
    private void* _job;
    private int _items;
    private readonly int[] _next;
    private int _working;
    private int _epoch;
    private bool _stopping;
    private Exception? _failure;

    /// <summary>
    /// A processor of <paramref name="threads"/> threads (0: one per core), with the widest instruction set unless one
    /// is given or the environment variable MOKA_ISA lowers it.
    /// </summary>
    public Cpu(int threads = 0, InstructionSet? instructionSet = null) : this(threads, instructionSet, DefaultSpins)
    {
    }

    /// <summary>The same with another number of looks for work before a thread sleeps; 0 makes every job wake it.</summary>
    internal Cpu(int threads, InstructionSet? instructionSet, int spinsBeforeSleep)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Threads = threads == 0 ? Environment.ProcessorCount : threads;
        _spinsBeforeSleep = spinsBeforeSleep;
        InstructionSet = instructionSet is { } wanted ? InstructionSets.Require(wanted) : InstructionSets.FromEnvironment();
        _scratch = new AlignedBuffer?[Threads * (int)ScratchSlot.Count];
        _next = new int[Threads * CounterStride];
        _threads = new Thread[Threads - 1];
        _wake = new SemaphoreSlim[Threads - 1];
        _asleep = new int[Threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int index = i;
            _wake[i] = new SemaphoreSlim(0);
            _threads[i] = new Thread(() => Serve(index)) { IsBackground = true, Name = $"moka-{index + 1}" };
            _threads[i].Start();
        }
    }

    /// <summary>How many threads compute, the caller's included.</summary>
    public int Threads { get; }

    /// <summary>The instructions the kernels use.</summary>
    public InstructionSet InstructionSet { get; }

    /// <summary>Runs items 0 to <paramref name="items"/> - 1 over all threads and returns when all are done.</summary>
    internal void Run<TJob>(int items, ref TJob job) where TJob : struct, IJob, allows ref struct
    {
        if (items <= 0) return;
        if (items == 1 || Threads == 1)
        {
            RunSerially(items, ref job);
            return;
        }
        lock (_oneJobAtATime)
        {
            _run = &RunItem<TJob>;
            _job = Unsafe.AsPointer(ref job);
            (_items, _working, _failure) = (items, _threads.Length, null);
            for (int i = 0; i < Threads; i++) _next[i * CounterStride] = FirstOfShare(i);
            Interlocked.Increment(ref _epoch);
            WakeSleepers();
            TakeItems(0);
            SpinWait spin = default;
            while (Volatile.Read(ref _working) != 0) spin.SpinOnce(sleep1Threshold: -1);
            if (_failure is not null) throw new InvalidOperationException($"Cpu: a worker thread failed: {_failure.Message}", _failure);
        }
    }

    /// <summary>
    /// Wakes the threads that are asleep. One that has done its part of a job and gone to sleep before its caller gets here
    /// is woken for nothing; it finds no new job and waits again.
    /// </summary>
    internal void WakeSleepers()
    {
        for (int i = 0; i < _threads.Length; i++)
            if (Interlocked.Exchange(ref _asleep[i], 0) == 1) _wake[i].Release();
    }

    /// <summary>Keeps other callers' jobs out between several of one's own that share scratch memory.</summary>
    internal Lock.Scope Hold() => _oneJobAtATime.EnterScope();

    /// <summary>Runs all items on the calling thread, for work too small to share.</summary>
    internal void RunSerially<TJob>(int items, ref TJob job) where TJob : struct, IJob, allows ref struct
    {
        lock (_oneJobAtATime)
        {
            for (int item = 0; item < items; item++) job.Run(item, new Worker(this, 0));
        }
    }

    internal Span<float> Scratch(int worker, ScratchSlot slot, int count)
    {
        ref AlignedBuffer? buffer = ref _scratch[worker * (int)ScratchSlot.Count + (int)slot];
        if (buffer is null || buffer.ByteLength < (long)count * sizeof(float))
        {
            buffer?.Dispose();
            buffer = new AlignedBuffer((long)count * sizeof(float));
        }
        return buffer.Span<float>(count);
    }

    /// <summary>Ends the threads and frees their scratch memory.</summary>
    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        Interlocked.Increment(ref _epoch);
        WakeSleepers();
        foreach (Thread thread in _threads) thread.Join();
        foreach (SemaphoreSlim wake in _wake) wake.Dispose();
        foreach (AlignedBuffer? buffer in _scratch) buffer?.Dispose();
    }

    private static void RunItem<TJob>(void* job, int item, Worker worker) where TJob : struct, IJob, allows ref struct =>
        Unsafe.AsRef<TJob>(job).Run(item, worker);

    private int FirstOfShare(int thread) => (int)((long)_items * thread / Threads);

    /// <summary>The thread's own share first, then what is left of the others'.</summary>
    private void TakeItems(int thread)
    {
        Worker worker = new(this, thread);
        try
        {
            for (int i = 0; i < Threads; i++)
            {
                int share = (thread + i) % Threads, end = FirstOfShare(share + 1);
                ref int next = ref _next[share * CounterStride];
                for (int item = Interlocked.Increment(ref next) - 1; item < end; item = Interlocked.Increment(ref next) - 1) _run(_job, item, worker);
            }
        }
        catch (Exception failure)
        {
            _failure = failure;
            for (int i = 0; i < Threads; i++) Volatile.Write(ref _next[i * CounterStride], _items);
        }
    }

    private void Serve(int index)
    {
        int seen = 0;
        while (true)
        {
            WaitForWork(index, seen);
            if (_stopping) return;
            seen++;
            TakeItems(index + 1);
            Interlocked.Decrement(ref _working);
        }
    }

    /// <summary>Returns when there is a job after the <paramref name="seen"/>th, and not before: a thread takes part in each exactly once.</summary>
    private void WaitForWork(int index, int seen)
    {
        while (true)
        {
            SpinWait spin = default;
            for (int i = 0; i < _spinsBeforeSleep; i++)
            {
                if (Volatile.Read(ref _epoch) != seen) return;
                spin.SpinOnce(sleep1Threshold: -1);
            }
            Interlocked.Exchange(ref _asleep[index], 1);
            // Work may have arrived between the last look and the mark; whoever clears the mark decides whether to sleep.
            bool arrived = Volatile.Read(ref _epoch) != seen;
            if (arrived && Interlocked.Exchange(ref _asleep[index], 0) == 1) return;
            _wake[index].Wait();
            if (Volatile.Read(ref _epoch) != seen) return;
        }
    }
}
