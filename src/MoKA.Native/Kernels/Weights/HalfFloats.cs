using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>IEEE half precision: 1 sign, 5 exponent and 10 mantissa bits. Exact as a float.</summary>
internal sealed class Float16() : BlockFormat(1, sizeof(ushort))
{
    public override void Dequantize(ReadOnlySpan<byte> row, int column, Span<float> weights) =>
        TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(row).Slice(column, weights.Length), weights);

    public override bool IsFinite(ReadOnlySpan<byte> blocks) => Finite.All(MemoryMarshal.Cast<byte, Half>(blocks));

    /// <summary>To the nearest half, ties to even.</summary>
    public static void Quantize(ReadOnlySpan<float> weights, Span<byte> bytes) => TensorPrimitives.ConvertToHalf(weights, MemoryMarshal.Cast<byte, Half>(bytes));
}

/// <summary>bfloat16: the upper half of a float, 8 exponent and 7 mantissa bits. Exact as a float.</summary>
internal sealed class BFloat16() : BlockFormat(1, sizeof(ushort))
{
    private const uint ExponentBits = 0x7F80;

    public override void Dequantize(ReadOnlySpan<byte> row, int column, Span<float> weights)
    {
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(weights);
        TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, ushort>(row).Slice(column, weights.Length), bits);
        TensorPrimitives.ShiftLeft(bits, 16, bits);
    }

    public override bool IsFinite(ReadOnlySpan<byte> blocks)
    {
        foreach (ushort bits in MemoryMarshal.Cast<byte, ushort>(blocks))
            if ((bits & ExponentBits) == ExponentBits) return false;
        return true;
    }

    /// <summary>To the nearest bfloat16, ties to even.</summary>
    public static void Quantize(ReadOnlySpan<float> weights, Span<byte> bytes)
    {
        Span<ushort> to = MemoryMarshal.Cast<byte, ushort>(bytes);
        for (int i = 0; i < weights.Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(weights[i]);
            to[i] = (ushort)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
        }
    }
}
