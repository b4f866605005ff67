using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// The signed dynamic 8-bit map of bitsandbytes (Dettmers et al., arXiv 2110.02861): 256 ascending levels in [-1, 1], 2^i
/// of each sign evenly over the i-th of seven decades, besides 0 and 1. It quantises the scales of 4-bit blocks.
/// </summary>
internal static class DynamicMap
{
    public const int Length = 256;
    private const int Decades = 7;

    /// <summary>The levels, ascending.</summary>
    public static float[] Levels { get; } = Create();

    /// <summary>
    /// Quantises a block: the nearest level of x (1 / magnitude), the lower one on a tie; gives the largest magnitude. A
    /// block of zeros is the level 0.
    /// </summary>
    [MethodImpl(Compiled.AtOnce)]
    public static float Quantize(ReadOnlySpan<float> values, Span<byte> codes)
    {
        float largest = 0;
        foreach (float x in values) largest = MathF.Max(largest, MathF.Abs(x));
        float inverse = largest == 0 ? 0 : 1 / largest;
        for (int i = 0; i < values.Length; i++) codes[i] = Code(values[i] * inverse);
        return largest;
    }

    private static byte Code(float x)
    {
        int low = 0, high = Length - 1;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (x > (Levels[middle] + Levels[middle + 1]) / 2) low = middle + 1;
            else high = middle;
        }
        return (byte)low;
    }

    private static float[] Create()
    {
        List<float> levels = [0, 1];
        for (int decade = 0; decade < Decades; decade++)
        {
            int count = 1 << decade;
            double power = Math.Pow(10, decade - (Decades - 1));
            for (int i = 0; i < count; i++)
            {
                // The middle of the i-th of equally many parts of [0.1, 1].
                float level = (float)(power * (0.1 + 0.9 * (i + 0.5) / count));
                levels.AddRange([level, -level]);
            }
        }
        levels.Sort();
        return [.. levels];
    }
}
