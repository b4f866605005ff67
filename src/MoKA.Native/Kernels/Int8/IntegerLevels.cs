using System.Numerics.Tensors;

namespace MoKA.Native.Kernels;

/// <summary>
/// The sixteen levels of a codebook as whole numbers of 12 bits, L = round(2047 level), for products in integers: 32 of them times
/// codes of 8 bits add up to less than 2²⁴, which integers and floats both hold exactly. A byte shuffle looks each up in two
/// parts of 6 bits, L + 2048 = 64 high + low.
/// </summary>
internal sealed class IntegerLevels
{
    public const int Centre = 2048, HighUnit = 64;
    private const float Largest = 2047;

    /// <summary>What one step of a whole level is worth.</summary>
    public const float Unit = 1 / Largest;

    private readonly int[] _levels;
    private readonly byte[] _high, _low;

    public IntegerLevels(ReadOnlySpan<float> levels)
    {
        float[] whole = new float[levels.Length];
        levels.CopyTo(whole);
        ToWhole(whole);
        _levels = [.. whole.Select(level => (int)level)];
        _high = [.. _levels.Select(level => (byte)((level + Centre) / HighUnit))];
        _low = [.. _levels.Select(level => (byte)((level + Centre) % HighUnit))];
    }

    /// <summary>L of each code [16], -2047 .. 2047.</summary>
    public ReadOnlySpan<int> Levels => _levels;

    /// <summary>The upper part of each [16], at most 63.</summary>
    public ReadOnlySpan<byte> High => _high;

    /// <summary>The lower part of each [16], at most 63.</summary>
    public ReadOnlySpan<byte> Low => _low;

    /// <summary>Turns levels into whole ones, as floats.</summary>
    public static void ToWhole(Span<float> levels)
    {
        TensorPrimitives.Multiply(levels, Largest, levels);
        TensorPrimitives.Round(levels, levels);
    }
}
