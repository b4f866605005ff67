using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Quantization;

/// <summary>
/// What a byte q for each block's magnitude means (double quantisation): magnitude = map[q] × scales[block / block size] +
/// offset.
/// </summary>
internal sealed class NestedMagnitudes
{
    private const int UsualBlockSize = 256;

    public NestedMagnitudes(string name, float[] map, float[] scales, int blockSize, float offset)
    {
        if (blockSize is < 1 or > 1 << 20) throw new MokaException($"{name}: the nested block size must be from 1 to {1 << 20}, got {blockSize}.");
        if (map.Length != DynamicMap.Length) throw new MokaException($"{name}: the nested map must have {DynamicMap.Length} levels, got {map.Length}.");
        (Map, Scales, BlockSize, Offset) = (map, scales, blockSize, offset);
    }

    /// <summary>The levels of the codes [256].</summary>
    public float[] Map { get; }

    /// <summary>The largest difference from the offset in each block of blocks.</summary>
    public float[] Scales { get; }

    /// <summary>Blocks of weights that share such a scale.</summary>
    public int BlockSize { get; }

    /// <summary>The mean of all magnitudes.</summary>
    public float Offset { get; }

    /// <summary>Quantises magnitudes to their codes.</summary>
    public static NestedMagnitudes Quantize(ReadOnlySpan<float> magnitudes, Span<byte> codes)
    {
        double sum = 0;
        foreach (float x in magnitudes) sum += x;
        float offset = magnitudes.IsEmpty ? 0 : (float)(sum / magnitudes.Length);
        float[] scales = new float[Ceiling.OfRatio(magnitudes.Length, UsualBlockSize)];
        Span<float> differences = stackalloc float[UsualBlockSize];
        for (int block = 0; block < scales.Length; block++)
        {
            int first = block * UsualBlockSize, count = Math.Min(UsualBlockSize, magnitudes.Length - first);
            for (int i = 0; i < count; i++) differences[i] = magnitudes[first + i] - offset;
            scales[block] = DynamicMap.Quantize(differences[..count], codes.Slice(first, count));
        }
        return new NestedMagnitudes("magnitudes", DynamicMap.Levels, scales, UsualBlockSize, offset);
    }
}
