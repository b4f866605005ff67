using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>The rows [columns] of a matrix of blocks.</summary>
internal readonly ref struct BlockRows(BlockFormat format, ReadOnlySpan<byte> bytes, int columns) : IWeightRows
{
    private static readonly float[] Q4_0Levels = [-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7];

    /// <summary>With more tokens it takes less time to pack panels and to multiply those; a half of IEEE's takes longer to turn into a float.</summary>
    private const int FewTokensOfBFloat16 = 4, FewTokensOfFloat16 = 2;

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly int _bytesOfRow = columns / format.Weights * format.Bytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dequantize(int row, int column, Span<float> weights) => format.Dequantize(_bytes.Slice(row * _bytesOfRow, _bytesOfRow), column, weights);

    public void DequantizeRows(int row, int rows, int column, int count, Span<float> weights, int apart) =>
        format.DequantizeRows(Rows(row, rows), _bytesOfRow, column, count, weights, apart);

    public void Prefetch(int row, int column, int count) =>
        Kernels.Prefetch.Lines(_bytes.Slice(row * _bytesOfRow + column / format.Weights * format.Bytes, count / format.Weights * format.Bytes));

    public int FewTokens(InstructionSet set)
    {
        if (columns == 0) return 0;
        if (format is BlockFormat<Q4_0> or BlockFormat<Q8_0>) return LaneRows.FewTokens(set);
        if (set == InstructionSet.Scalar || _bytesOfRow % NumberRows.Piece != 0) return 0;
        return format switch { BFloat16 => FewTokensOfBFloat16, Float16 => FewTokensOfFloat16, _ => 0 };
    }

    public void MultiplyRows(int row, scoped MatrixSpan x, scoped MatrixSpan y, Worker worker)
    {
        if (format is BFloat16 or Float16)
        {
            ref byte first = ref MemoryMarshal.GetReference(Rows(row, y.Columns));
            if (format is BFloat16) NumberRows.Multiply<Halves<BFloat16Half>>(worker.InstructionSet, ref first, _bytesOfRow, _bytesOfRow / NumberRows.Piece, x, y);
            else NumberRows.Multiply<Halves<Float16Half>>(worker.InstructionSet, ref first, _bytesOfRow, _bytesOfRow / NumberRows.Piece, x, y);
            return;
        }
        for (int column = 0; column < y.Columns; column += LaneRows.Rows)
        {
            MatrixSpan some = y.Block(0, y.Rows, column, LaneRows.Rows);
            if (format is BlockFormat<Q4_0>) MultiplyBlocks<LowThenHighHalves>(row + column, piecesOfBlock: 1, Q4_0Levels, x, some, worker);
            else MultiplyBlocks<SignedBytes>(row + column, piecesOfBlock: 2, Q4_0Levels, x, some, worker);
        }
    }

    /// <summary>Blocks that begin with their scale, in half precision.</summary>
    private void MultiplyBlocks<TPiece>(int row, int piecesOfBlock, ReadOnlySpan<float> levels, scoped MatrixSpan x, scoped MatrixSpan y, Worker worker) where TPiece : struct, ILanePiece
    {
        int stride = _bytesOfRow, blocks = columns / format.Weights, count = blocks * LaneRows.Rows;
        ReadOnlySpan<byte> rows = LaneRows.Apart(worker, Rows(row, LaneRows.Rows), LaneRows.Rows, ref stride, _bytesOfRow);
        Span<float> scales = worker.Scratch(ScratchSlot.Dequantised, count);
        GatherScales(worker.InstructionSet, rows, stride, format.Bytes, blocks, scales);
        LaneRows.Multiply<TPiece>(worker.InstructionSet, rows[sizeof(ushort)..], stride, new PieceRuns(blocks, format.Bytes, piecesOfBlock), levels, scales, From(row + LaneRows.Rows), x, y);
    }

    private ReadOnlySpan<byte> Rows(int row, int count) => _bytes.Slice(row * _bytesOfRow, count * _bytesOfRow);

    private ReadOnlySpan<byte> From(int row) => _bytes[(row * _bytesOfRow)..];

    /// <summary>The scales of 64 rows, [64, blocks] in memory, as [blocks, 64]. A block is longer than a piece, and is read with one.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void GatherScales(InstructionSet set, ReadOnlySpan<byte> rows, nint stride, int bytesOfBlock, int blocks, Span<float> scales)
    {
        int together = set == InstructionSet.Avx512 ? LaneColumns.Rows : LaneColumns.Eight;
        for (int first = 0; first < LaneRows.Rows; first += together)
        {
            // The slices prove the bounds once; the loop reads and writes without checks.
            ref byte at = ref MemoryMarshal.GetReference(rows.Slice(first * (int)stride, (together - 1) * (int)stride + blocks * bytesOfBlock));
            ref float to = ref MemoryMarshal.GetReference(scales.Slice(first, (blocks - 1) * LaneRows.Rows + together));
            for (int b = 0; b < blocks; b++)
            {
                if (set == InstructionSet.Avx512) LaneColumns.Halves(ref at, stride).StoreUnsafe(ref to);
                else LaneColumns.EightHalves(ref at, stride).StoreUnsafe(ref to);
                at = ref Unsafe.Add(ref at, bytesOfBlock);
                to = ref Unsafe.Add(ref to, LaneRows.Rows);
            }
        }
    }
}
