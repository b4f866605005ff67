namespace MoKA.Native.Tests.Reference;

/// <summary>What work puts on the managed heap.</summary>
internal static class Allocations
{
    /// <summary>
    /// Bytes that this thread allocates in <paramref name="work"/>, the least of some runs: a collection that another thread
    /// begins meanwhile closes this thread's piece of the heap and may count what was left of it. Work that allocates does so every time.
    /// </summary>
    public static long Of(Action work)
    {
        long least = long.MaxValue;
        for (int run = 0; run < 5 && least != 0; run++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }
}
