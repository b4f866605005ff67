namespace MoKA.Native.Kernels;

/// <summary>
/// The sets of a first-level cache, sixty-four of eight lines each, which is the least that processors with AVX2 have. Lines
/// that are a power of two apart share few of them.
/// </summary>
internal static class CacheSets
{
    private const int Ways = 8, BytesOfWay = 4096;

    /// <summary>Whether of so many lines, a power of two or as many bytes as a multiple of one apart, more than eight share a set: too many to stay.</summary>
    public static bool Overflow(int distance, int lines) => distance % (2 * Ways * BytesOfWay / lines) == 0;
}
