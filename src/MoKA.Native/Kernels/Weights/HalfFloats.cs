using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>IEEE half precision: 1 sign, 5 exponent and 10 mantissa bits. Exact as a float.</summary>
internal sealed class Float16() : BlockFormat(1, sizeof(ushort))
{
    /// <summary>With more tokens it takes less time to pack panels and to multiply those.</summary>
    private const int Few = 2;

    [MethodImpl(Compiled.AtOnce)]
    public override void Dequantize(ReadOnlySpan<byte> row, int column, Span<float> weights) =>
        TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(row).Slice(column, weights.Length), weights);

    public override bool IsFinite(ReadOnlySpan<byte> blocks) => Finite.All(MemoryMarshal.Cast<byte, Half>(blocks));

    public override int FewTokens(InstructionSet set, int bytesOfRow) => set == InstructionSet.Scalar || bytesOfRow % NumberRows.Piece != 0 ? 0 : Few;

    // The slice proves the bounds of all that is read.
    public override void MultiplyFew(Worker worker, ReadOnlySpan<byte> rows, int bytesOfRow, MatrixSpan x, MatrixSpan y) =>
        NumberRows.Multiply<Halves<Float16Half>>(worker.InstructionSet, ref MemoryMarshal.GetReference(rows[..(y.Columns * bytesOfRow)]), bytesOfRow, bytesOfRow / NumberRows.Piece, x, y);

    /// <summary>To the nearest half, ties to even.</summary>
    public static void Quantize(ReadOnlySpan<float> weights, Span<byte> bytes) => TensorPrimitives.ConvertToHalf(weights, MemoryMarshal.Cast<byte, Half>(bytes));
}

/// <summary>bfloat16: the upper half of a float, 8 exponent and 7 mantissa bits. Exact as a float.</summary>
internal sealed class BFloat16() : BlockFormat(1, sizeof(ushort))
{
    private const uint ExponentBits = 0x7F80;

    /// <summary>With more tokens it takes less time to pack panels and to multiply those.</summary>
    private const int Few = 4;

    [MethodImpl(Compiled.AtOnce)]
    public override void Dequantize(ReadOnlySpan<byte> row, int column, Span<float> weights)
    {
        ReadOnlySpan<ushort> halves = MemoryMarshal.Cast<byte, ushort>(row).Slice(column, weights.Length);
        // The slice has as many as there are weights, so both are in bounds.
        Widen(ref MemoryMarshal.GetReference(halves), ref MemoryMarshal.GetReference(weights), weights.Length);
    }

    [MethodImpl(Compiled.AtOnce)]
    public override void DequantizeRows(ReadOnlySpan<byte> rows, int bytesOfRow, int column, int count, Span<float> weights, int apart)
    {
        if (rows.Length == 0) return;
        int number = rows.Length / bytesOfRow;
        // The slices prove the bounds once; the loop reads and writes without checks.
        ref byte at = ref MemoryMarshal.GetReference(rows.Slice(column * sizeof(ushort), (number - 1) * bytesOfRow + count * sizeof(ushort)));
        ref float to = ref MemoryMarshal.GetReference(weights[..((number - 1) * apart + count)]);
        for (int i = 0; i < number; i++)
        {
            Prefetch.RowAhead(ref at, bytesOfRow);
            Widen(ref Unsafe.As<byte, ushort>(ref at), ref to, count);
            at = ref Unsafe.Add(ref at, bytesOfRow);
            to = ref Unsafe.Add(ref to, apart);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Widen(ref ushort from, ref float weights, int count)
    {
        ref uint to = ref Unsafe.As<float, uint>(ref weights);
        int i = 0;
        for (; i + Vector256<ushort>.Count <= count; i += Vector256<ushort>.Count)
        {
            (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.LoadUnsafe(ref from, (nuint)i));
            (low << 16).StoreUnsafe(ref to, (nuint)i);
            (high << 16).StoreUnsafe(ref to, (nuint)(i + Vector256<uint>.Count));
        }
        for (; i < count; i++) Unsafe.Add(ref to, i) = (uint)Unsafe.Add(ref from, i) << 16;
    }

    [MethodImpl(Compiled.AtOnce)]
    public override bool IsFinite(ReadOnlySpan<byte> blocks)
    {
        foreach (ushort bits in MemoryMarshal.Cast<byte, ushort>(blocks))
            if ((bits & ExponentBits) == ExponentBits) return false;
        return true;
    }

    public override int FewTokens(InstructionSet set, int bytesOfRow) => set == InstructionSet.Scalar || bytesOfRow % NumberRows.Piece != 0 ? 0 : Few;

    // The slice proves the bounds of all that is read.
    public override void MultiplyFew(Worker worker, ReadOnlySpan<byte> rows, int bytesOfRow, MatrixSpan x, MatrixSpan y) =>
        NumberRows.Multiply<Halves<BFloat16Half>>(worker.InstructionSet, ref MemoryMarshal.GetReference(rows[..(y.Columns * bytesOfRow)]), bytesOfRow, bytesOfRow / NumberRows.Piece, x, y);

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
