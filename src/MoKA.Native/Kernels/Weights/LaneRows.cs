using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>How rows are made of pieces of 16 bytes: runs of them, each with a scale of its own, begin so many bytes apart.</summary>
internal readonly record struct PieceRuns(int Count, int Bytes, int Pieces);

/// <summary>
/// Few tokens times 64 rows of a stored weight, in float: rows lie side by side in the lanes of registers, and 16 bytes of
/// each are turned into weights there. Four sums in turn, because each waits for the one before: of four registers of rows for
/// one token, or of one register of rows for each of four tokens, which share the weights. The order of a sum and each
/// rounding are those of the product with the dequantised rows, and so are the bits. AVX-512 and AVX2. See Int4.md.
/// </summary>
internal static partial class LaneRows
{
    /// <summary>Rows at a time.</summary>
    public const int Rows = 64;

    /// <summary>Bytes of a row between two looks at memory.</summary>
    public const int Piece = 16;

    /// <summary>The largest of <see cref="FewTokens"/>.</summary>
    public const int MostTokens = 24;

    private const int TokensAtOnce = 4;

    /// <summary>With more tokens it takes less time to dequantise panels and to multiply those.</summary>
    public static int FewTokens(InstructionSet set) => set switch
    {
        InstructionSet.Avx512 => MostTokens,
        InstructionSet.Avx2 => MostTokens / 2,
        _ => 0,
    };

    /// <summary>
    /// y [tokens, 64] += x [tokens, in] Wᵀ. Rows begin <paramref name="stride"/> bytes apart; scales lie as [runs, 64]. The bytes that
    /// come next are asked for on the way.
    /// </summary>
    public static void Multiply<TPiece>(InstructionSet set, ReadOnlySpan<byte> rows, int stride, PieceRuns runs, ReadOnlySpan<float> levels, ReadOnlySpan<float> scales, ReadOnlySpan<byte> next, MatrixSpan x, MatrixSpan y)
        where TPiece : struct, ILanePiece
    {
        Span<Vector256<byte>> planes = stackalloc Vector256<byte>[sizeof(float)];
        if (set == InstructionSet.Avx2) Planes(levels, planes);
        for (int token = 0, some; token < x.Rows; token += some)
        {
            some = Math.Min(TokensAtOnce, x.Rows - token);
            int together = (set == InstructionSet.Avx512 ? Sixteen : Eight) * (some == 1 ? TokensAtOnce : 1);
            MatrixSpan of = x.RowRange(token, some);
            for (int row = 0; row < Rows; row += together)
            {
                ReadOnlySpan<byte> bytes = rows[(row * stride)..];
                MatrixSpan to = y.Block(token, some, row, together);
                if (set == InstructionSet.Avx512 && some == 1) SixtyFourRows<TPiece>(bytes, stride, runs, levels, scales, next, of.Row(0), to.Row(0));
                else if (set == InstructionSet.Avx512) SixteenRows<TPiece>(bytes, stride, runs, levels, scales[row..], next, of, to);
                else if (some == 1) ThirtyTwoRows<TPiece>(bytes, stride, runs, planes, scales[row..], next, of.Row(0), to.Row(0));
                else EightRows<TPiece>(bytes, stride, runs, planes, scales[row..], next, of, to);
                next = next[Math.Min(next.Length, together * stride)..];
            }
        }
    }

    /// <summary>
    /// Some bytes of each of so many rows, copied apart where more than eight would share a set of the first-level cache: too many
    /// for a line of each to stay until all of it is read.
    /// </summary>
    public static ReadOnlySpan<byte> Apart(Worker worker, ReadOnlySpan<byte> rows, int count, scoped ref int stride, int bytes)
    {
        if (!CacheSets.Overflow(stride, count)) return rows;
        int from = stride, to = Ceiling.OfRatio(bytes, Prefetch.Line) * Prefetch.Line + Prefetch.Line;
        Span<byte> copy = MemoryMarshal.AsBytes(worker.Scratch(ScratchSlot.PanelOfB, count * to / sizeof(float)));
        for (int row = 0; row < count; row++) rows.Slice(row * from, bytes).CopyTo(copy[(row * to)..]);
        stride = to;
        return copy;
    }
}
