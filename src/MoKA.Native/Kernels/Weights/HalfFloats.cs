using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>IEEE half precision: 1 sign, 5 exponent and 10 mantissa bits. Exact as a float.</summary>
internal sealed class Float16() : BlockFormat(1, sizeof(ushort))
{
    [MethodImpl(Compiled.AtOnce)]
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

    [MethodImpl(Compiled.AtOnce)]
    public override void Dequantize(ReadOnlySpan<byte> row, int column, Span<float> weights)
    {
        ReadOnlySpan<ushort> halves = MemoryMarshal.Cast<byte, ushort>(row).Slice(column, weights.Length);
        // The slice has as many as there are weights, so both are in bounds.
        ref ushort from = ref MemoryMarshal.GetReference(halves);
        ref uint to = ref Unsafe.As<float, uint>(ref MemoryMarshal.GetReference(weights));
        int i = 0;
        for (; i + Vector256<ushort>.Count <= weights.Length; i += Vector256<ushort>.Count)
        {
            (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.LoadUnsafe(ref from, (nuint)i));
            (low << 16).StoreUnsafe(ref to, (nuint)i);
            (high << 16).StoreUnsafe(ref to, (nuint)(i + Vector256<uint>.Count));
        }
        for (; i < weights.Length; i++) weights[i] = BitConverter.UInt32BitsToSingle((uint)halves[i] << 16);
    }

    [MethodImpl(Compiled.AtOnce)]
    public override bool IsFinite(ReadOnlySpan<byte> blocks)
    {
        foreach (ushort bits in MemoryMarshal.Cast<byte, ushort>(blocks))
            if ((bits & ExponentBits) == ExponentBits) return false;
        return true;
    }

    /// <summary>To the nearest bfloat16, ties to even.</summary>
    [MethodImpl(Compiled.AtOnce)]
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
