using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>How a row of weights lies in memory: blocks of equally many weights in equally many bytes, one behind another.</summary>
internal abstract class BlockFormat(int weights, int bytes)
{
    /// <summary>Weights in a block; a row holds whole blocks.</summary>
    public int Weights { get; } = weights;

    /// <summary>Bytes of a block.</summary>
    public int Bytes { get; } = bytes;

    /// <summary>Writes the weights of a row from <paramref name="column"/> on.</summary>
    public abstract void Dequantize(ReadOnlySpan<byte> row, int column, Span<float> weights);

    /// <summary>Whether whole blocks stand for finite numbers only.</summary>
    public abstract bool IsFinite(ReadOnlySpan<byte> blocks);
}

/// <summary>One block of a quantised format, whose weights are decoded in groups of 32: see its file for the layout.</summary>
internal interface IBlock
{
    /// <summary>Weights in a block, a multiple of 32.</summary>
    static abstract int Weights { get; }

    /// <summary>Bytes of a block.</summary>
    static abstract int Bytes { get; }

    /// <summary>Writes weights 32 group .. 32 group + 31 of the block.</summary>
    static abstract void Dequantize(ref byte block, int group, ref float weights);

    /// <summary>Whether the block's scales are finite: then so are its weights.</summary>
    static abstract bool IsFinite(ref byte block);
}

/// <summary>Rows of quantised blocks.</summary>
internal sealed class BlockFormat<TBlock>() : BlockFormat(TBlock.Weights, TBlock.Bytes) where TBlock : struct, IBlock
{
    public override void Dequantize(ReadOnlySpan<byte> row, int column, Span<float> weights)
    {
        if (column % GroupOf32.Length != 0 || weights.Length % GroupOf32.Length != 0)
        {
            DequantizePieces(row, column, weights);
            return;
        }
        // The slice proves the bounds once; the loop reads and writes without checks.
        int first = column / GroupOf32.Length, groups = weights.Length / GroupOf32.Length, groupsOfBlock = TBlock.Weights / GroupOf32.Length;
        ref byte blocks = ref MemoryMarshal.GetReference(row[..(Ceiling.OfRatio(first + groups, groupsOfBlock) * TBlock.Bytes)]);
        ref float to = ref MemoryMarshal.GetReference(weights);
        for (int group = first; group < first + groups; group++)
        {
            TBlock.Dequantize(ref Unsafe.Add(ref blocks, group / groupsOfBlock * TBlock.Bytes), group % groupsOfBlock, ref to);
            to = ref Unsafe.Add(ref to, GroupOf32.Length);
        }
    }

    /// <summary>The same where groups are cut at either end.</summary>
    private static void DequantizePieces(ReadOnlySpan<byte> row, int column, Span<float> weights)
    {
        Span<float> whole = stackalloc float[GroupOf32.Length];
        for (int done = 0, count; done < weights.Length; done += count)
        {
            int at = column + done, skip = at % GroupOf32.Length;
            count = Math.Min(GroupOf32.Length - skip, weights.Length - done);
            ref byte block = ref MemoryMarshal.GetReference(row.Slice(at / TBlock.Weights * TBlock.Bytes, TBlock.Bytes));
            TBlock.Dequantize(ref block, at % TBlock.Weights / GroupOf32.Length, ref MemoryMarshal.GetReference(whole));
            whole.Slice(skip, count).CopyTo(weights[done..]);
        }
    }

    public override bool IsFinite(ReadOnlySpan<byte> blocks)
    {
        for (int at = 0; at < blocks.Length; at += TBlock.Bytes)
            if (!TBlock.IsFinite(ref MemoryMarshal.GetReference(blocks.Slice(at, TBlock.Bytes)))) return false;
        return true;
    }
}

/// <summary>The rows [columns] of a matrix of blocks.</summary>
internal readonly ref struct BlockRows(BlockFormat format, ReadOnlySpan<byte> bytes, int columns) : IWeightRows
{
    private static readonly float[] Q4_0Levels = [-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7];
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly int _bytesOfRow = columns / format.Weights * format.Bytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dequantize(int row, int column, Span<float> weights) => format.Dequantize(_bytes.Slice(row * _bytesOfRow, _bytesOfRow), column, weights);

    public void Prefetch(int row, int column, int count) =>
        Kernels.Prefetch.Lines(_bytes.Slice(row * _bytesOfRow + column / format.Weights * format.Bytes, count / format.Weights * format.Bytes));

    public bool HasPieces => columns > 0 && (format is BlockFormat<Q4_0> || (format is BFloat16 && columns % UpperHalvesOfFloats.Weights == 0));

    public void MultiplyRows(int row, ReadOnlySpan<float> x, Span<float> y, Worker worker)
    {
        ReadOnlySpan<byte> rows = _bytes.Slice(row * _bytesOfRow, LaneRows.Rows * _bytesOfRow), next = _bytes[((row + LaneRows.Rows) * _bytesOfRow)..];
        if (format is BFloat16)
        {
            for (int at = 0; at < _bytesOfRow; at += LaneRows.BytesApart) MultiplyHalves(rows, at, next, x, y, worker);
            return;
        }
        int stride = _bytesOfRow;
        rows = LaneRows.Apart(worker, rows, ref stride, _bytesOfRow);
        int blocks = columns / Q4_0.Weights, count = blocks * LaneRows.Rows;
        Span<float> scratch = worker.Scratch(ScratchSlot.Dequantised, 2 * count), scales = scratch[..count];
        Span<Half> halves = MemoryMarshal.Cast<float, Half>(scratch[count..])[..count];
        GatherScales(rows, stride, blocks, halves);
        TensorPrimitives.ConvertToSingle(halves, scales);
        LaneRows.Multiply<LowThenHighHalves>(rows[sizeof(ushort)..], stride, Q4_0.Bytes, blocks, Q4_0Levels, scales, piecesOfScale: 1, next, x, y);
    }

    /// <summary>Adds some bytes of each of the 32 rows from one on.</summary>
    private void MultiplyHalves(ReadOnlySpan<byte> rows, int at, ReadOnlySpan<byte> next, ReadOnlySpan<float> x, Span<float> y, Worker worker)
    {
        int some = Math.Min(LaneRows.BytesApart, _bytesOfRow - at), stride = _bytesOfRow, ahead = Math.Min(at * LaneRows.Rows, next.Length);
        ReadOnlySpan<byte> piece = LaneRows.Apart(worker, rows[at..], ref stride, some);
        Span<float> none = worker.Scratch(ScratchSlot.Dequantised, LaneRows.Rows);
        LaneRows.Multiply<UpperHalvesOfFloats>(piece, stride, LaneRows.Piece, some / LaneRows.Piece, Q4_0Levels, none, piecesOfScale: _bytesOfRow, next[ahead..], x[(at / sizeof(ushort))..], y);
    }

    /// <summary>The scales of 32 rows of Q4_0, [32, blocks] in memory, as [blocks, 32].</summary>
    [MethodImpl(MethodImplOptions.NoInlining)] // a loop of its own, which the compiler keeps in registers
    private static void GatherScales(ReadOnlySpan<byte> rows, int stride, int blocks, Span<Half> scales)
    {
        // The slices prove the bounds once; the loop reads and writes without checks.
        ref byte from = ref MemoryMarshal.GetReference(rows[..(LaneRows.Rows * stride)]);
        ref Half to = ref MemoryMarshal.GetReference(scales[..(LaneRows.Rows * blocks)]);
        for (int row = 0; row < LaneRows.Rows; row++)
        {
            ref byte at = ref Unsafe.Add(ref from, row * stride);
            for (int b = 0; b < blocks; b++)
            {
                Unsafe.Add(ref to, b * LaneRows.Rows + row) = Unsafe.ReadUnaligned<Half>(ref at);
                at = ref Unsafe.Add(ref at, Q4_0.Bytes);
            }
        }
    }
}
