using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// Blocks of 32 four-bit codes to floats: w = (q - 8) d. The product is one correctly rounded multiplication, so every
/// instruction set gives the same bits.
/// </summary>
internal static class Int4Kernels
{
    private const int Block = 32;

    /// <summary>Whole blocks: codes [16 a block], scales [1 a block] to weights [32 a block].</summary>
    public static void Dequantize(InstructionSet set, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, Span<float> weights)
    {
        if (codes.Length < scales.Length * Block / 2 || weights.Length < scales.Length * Block) throw new ArgumentException("Int4: codes or weights are too short for the scales.");
        if (set == InstructionSet.Scalar) Scalar(codes, scales, weights);
        else Wide(codes, scales, weights);
    }

    private static void Scalar(ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, Span<float> weights)
    {
        for (int b = 0; b < scales.Length; b++)
            for (int j = 0; j < Block / 2; j++)
            {
                byte pair = codes[b * Block / 2 + j];
                weights[b * Block + j] = ((pair & 15) - 8) * scales[b];
                weights[b * Block + Block / 2 + j] = ((pair >> 4) - 8) * scales[b];
            }
    }

    /// <summary>16 bytes give the 16 low halves, elements 0 .. 15 in order, and the 16 high halves, elements 16 .. 31.</summary>
    private static void Wide(ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, Span<float> weights)
    {
        ref byte from = ref MemoryMarshal.GetReference(codes);
        ref float to = ref MemoryMarshal.GetReference(weights);
        for (int b = 0; b < scales.Length; b++)
        {
            Vector128<byte> pairs = Vector128.LoadUnsafe(ref from, (nuint)(b * Block / 2));
            Vector256<float> scale = Vector256.Create(scales[b]);
            Store(pairs & Vector128.Create((byte)15), scale, ref to, b * Block);
            Store(pairs >>> 4, scale, ref to, b * Block + Block / 2);
        }
    }

    private static void Store(Vector128<byte> codes, Vector256<float> scale, ref float to, int offset)
    {
        Vector256<short> centred = Vector256.WidenLower(codes.ToVector256Unsafe()).AsInt16() - Vector256.Create((short)8);
        (Vector256<int> low, Vector256<int> high) = Vector256.Widen(centred);
        (Vector256.ConvertToSingle(low) * scale).StoreUnsafe(ref to, (nuint)offset);
        (Vector256.ConvertToSingle(high) * scale).StoreUnsafe(ref to, (nuint)(offset + 8));
    }
}
