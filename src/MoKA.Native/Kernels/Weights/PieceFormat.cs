using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// Blocks that begin with their scale in half precision, followed by pieces of 16 bytes whose codes stand for these levels, if for any: few tokens are
/// multiplied with them as <see cref="LaneRows"/>.
/// </summary>
internal sealed class PieceFormat<TBlock, TPiece>(params float[] levels) : BlockFormat<TBlock>
    where TBlock : struct, IBlockInLanes
    where TPiece : struct, ILanePiece
{
    private const int Levels = 16;

    /// <summary>Zeros where codes are numbers themselves, which need no table.</summary>
    private readonly float[] _levels = levels.Length == 0 ? new float[Levels] : levels;

    protected override int FewTokens(InstructionSet set) => LaneRows.FewTokens(set);

    protected override void MultiplyRows(Worker worker, ReadOnlySpan<byte> rows, int stride, int blocks, ReadOnlySpan<byte> next, MatrixSpan x, MatrixSpan y)
    {
        Span<float> scales = worker.Scratch(ScratchSlot.Dequantised, blocks * LaneRows.Rows);
        GatherScales(worker.InstructionSet, rows, stride, blocks, scales);
        LaneRows.Multiply<TPiece>(worker.InstructionSet, rows[sizeof(ushort)..], stride, new PieceRuns(blocks, TBlock.Bytes, TBlock.Weights / TPiece.Weights), _levels, scales, next, x, y);
    }

    /// <summary>The scales of 64 rows, [64, blocks] in memory, as [blocks, 64]. A block is longer than a piece, and is read with one.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void GatherScales(InstructionSet set, ReadOnlySpan<byte> rows, nint stride, int blocks, Span<float> scales)
    {
        int together = set == InstructionSet.Avx512 ? LaneColumns.Rows : LaneColumns.Eight;
        for (int first = 0; first < LaneRows.Rows; first += together)
        {
            // The slices prove the bounds once; the loop reads and writes without checks.
            ref byte at = ref MemoryMarshal.GetReference(rows.Slice(first * (int)stride, (together - 1) * (int)stride + blocks * TBlock.Bytes));
            ref float to = ref MemoryMarshal.GetReference(scales.Slice(first, (blocks - 1) * LaneRows.Rows + together));
            for (int b = 0; b < blocks; b++)
            {
                if (set == InstructionSet.Avx512) LaneColumns.Halves(ref at, stride).StoreUnsafe(ref to);
                else LaneColumns.EightHalves(ref at, stride).StoreUnsafe(ref to);
                at = ref Unsafe.Add(ref at, TBlock.Bytes);
                to = ref Unsafe.Add(ref to, LaneRows.Rows);
            }
        }
    }
}
