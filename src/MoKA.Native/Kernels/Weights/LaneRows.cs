using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>How rows are made of pieces of 16 bytes: runs of them, each with a scale of its own, begin so many bytes apart.</summary>
internal readonly record struct PieceRuns(int Count, int Bytes, int Pieces);

/// <summary>
/// Few tokens times 64 rows of a stored weight, in float: rows lie side by side in the lanes of registers, and 16 bytes of
/// each are turned into weights there. Four sums in turn, because each waits for the one before: of 64 rows for one token, or of
/// sixteen rows for each of four tokens, which share the weights. The order of a sum and each
/// rounding are those of the product with the dequantised rows, and so are the bits. AVX-512 alone. See Int4.md.
/// </summary>
internal static class LaneRows
{
    /// <summary>With more tokens it takes less time to dequantise panels and to multiply those.</summary>
    public const int FewTokens = 24;

    /// <summary>Rows at a time.</summary>
    public const int Rows = 4 * LaneColumns.Rows;

    /// <summary>Bytes of a row between two looks at memory.</summary>
    public const int Piece = 16;

    private const int Lanes = LaneColumns.Rows, TokensAtOnce = 4;

    /// <summary>
    /// y [tokens, 64] += x [tokens, in] Wᵀ. Rows begin <paramref name="stride"/> bytes apart; scales lie as [runs, 64]. The bytes that
    /// come next are asked for on the way.
    /// </summary>
    public static void Multiply<TPiece>(ReadOnlySpan<byte> rows, int stride, PieceRuns runs, ReadOnlySpan<float> levels, ReadOnlySpan<float> scales, ReadOnlySpan<byte> next, MatrixSpan x, MatrixSpan y)
        where TPiece : struct, ILanePiece
    {
        for (int token = 0, some; token < x.Rows; token += some)
        {
            some = Math.Min(TokensAtOnce, x.Rows - token);
            if (some == 1)
            {
                MultiplyToken<TPiece>(rows, stride, runs, levels, scales, next, x.Row(token), y.Row(token));
                continue;
            }
            for (int row = 0; row < Rows; row += Lanes)
            {
                MultiplyTokens<TPiece>(rows[(row * stride)..], stride, runs, levels, scales[row..], next, x.RowRange(token, some), y.Block(token, some, row, Lanes));
                next = next[Math.Min(next.Length, Lanes * stride)..];
            }
        }
    }

    /// <summary>Up to four tokens and sixteen rows. With fewer the last one is multiplied again, with the same bits.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void MultiplyTokens<TPiece>(ReadOnlySpan<byte> rows, int stride, PieceRuns runs, ReadOnlySpan<float> levels, ReadOnlySpan<float> scales, ReadOnlySpan<byte> next, MatrixSpan x, MatrixSpan y)
        where TPiece : struct, ILanePiece
    {
        // The slices prove the bounds once; the loop then reads without checks.
        ref byte at = ref MemoryMarshal.GetReference(rows[..((Lanes - 1) * stride + (runs.Count - 1) * runs.Bytes + runs.Pieces * Piece)]);
        ref float values = ref MemoryMarshal.GetReference(x.Data[..((x.Rows - 1) * x.RowStride + runs.Count * runs.Pieces * TPiece.Weights)]);
        ref float own = ref MemoryMarshal.GetReference(scales[..((runs.Count - 1) * Rows + Lanes)]);
        int ahead = runs.Bytes * Lanes / runs.Pieces;
        TokenSteps steps = FourTokens.Steps(x, 0);
        Vector512<float> table = Vector512.Create(levels);
        LaneFour<float> sums = FourTokens.Read(y, 0);
        for (int run = 0; run < runs.Count; run++)
        {
            Vector512<float> scale = Vector512.LoadUnsafe(ref own);
            for (int p = 0; p < runs.Pieces; p++)
            {
                if (ahead <= next.Length)
                {
                    Prefetch.Lines(next[..ahead]);
                    next = next[ahead..];
                }
                LaneColumns.Load(ref at, stride, out Vector512<int> c0, out Vector512<int> c1, out Vector512<int> c2, out Vector512<int> c3);
                sums = TPiece.AddTokens(c0, c1, c2, c3, table, scale, ref values, steps, sums);
                at = ref Unsafe.Add(ref at, Piece);
                values = ref Unsafe.Add(ref values, TPiece.Weights);
            }
            at = ref Unsafe.Add(ref at, runs.Bytes - runs.Pieces * Piece);
            own = ref Unsafe.Add(ref own, Rows);
        }
        FourTokens.Write(sums, y, 0);
    }

    /// <summary>One token and all rows.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void MultiplyToken<TPiece>(ReadOnlySpan<byte> rows, int stride, PieceRuns runs, ReadOnlySpan<float> levels, ReadOnlySpan<float> scales, ReadOnlySpan<byte> next, ReadOnlySpan<float> x, Span<float> y)
        where TPiece : struct, ILanePiece
    {
        // The slices prove the bounds once; the loop then reads without checks.
        ref byte at = ref MemoryMarshal.GetReference(rows[..((Rows - 1) * stride + (runs.Count - 1) * runs.Bytes + runs.Pieces * Piece)]);
        ref float values = ref MemoryMarshal.GetReference(x[..(runs.Count * runs.Pieces * TPiece.Weights)]);
        ref float own = ref MemoryMarshal.GetReference(scales[..(runs.Count * Rows)]);
        int ahead = runs.Bytes * Rows / runs.Pieces;
        Vector512<float> table = Vector512.Create(levels);
        LaneFour<float> sums = Four(ref MemoryMarshal.GetReference(y[..Rows]));
        for (int run = 0; run < runs.Count; run++)
        {
            LaneFour<float> scale = Four(ref own);
            for (int p = 0; p < runs.Pieces; p++)
            {
                if (ahead <= next.Length)
                {
                    Prefetch.Lines(next[..ahead]);
                    next = next[ahead..];
                }
                LaneColumns.Load(ref at, stride, out Vector512<int> a0, out Vector512<int> a1, out Vector512<int> a2, out Vector512<int> a3);
                LaneColumns.Load(ref Unsafe.Add(ref at, Lanes * (nint)stride), stride, out Vector512<int> b0, out Vector512<int> b1, out Vector512<int> b2, out Vector512<int> b3);
                LaneColumns.Load(ref Unsafe.Add(ref at, 2 * Lanes * (nint)stride), stride, out Vector512<int> c0, out Vector512<int> c1, out Vector512<int> c2, out Vector512<int> c3);
                LaneColumns.Load(ref Unsafe.Add(ref at, 3 * Lanes * (nint)stride), stride, out Vector512<int> d0, out Vector512<int> d1, out Vector512<int> d2, out Vector512<int> d3);
                sums = TPiece.Add(new(a0, b0, c0, d0), new(a1, b1, c1, d1), new(a2, b2, c2, d2), new(a3, b3, c3, d3), table, scale, ref values, sums);
                at = ref Unsafe.Add(ref at, Piece);
                values = ref Unsafe.Add(ref values, TPiece.Weights);
            }
            at = ref Unsafe.Add(ref at, runs.Bytes - runs.Pieces * Piece);
            own = ref Unsafe.Add(ref own, Rows);
        }
        sums.A.CopyTo(y);
        sums.B.CopyTo(y[Lanes..]);
        sums.C.CopyTo(y[(2 * Lanes)..]);
        sums.D.CopyTo(y[(3 * Lanes)..]);
    }

    /// <summary>
    /// Some bytes of each of so many rows, copied apart where the rows' distance is such a power of two, or a multiple, that more than eight
    /// share one set of the first-level cache: too many for a line of each to stay until all of it is read.
    /// </summary>
    public static ReadOnlySpan<byte> Apart(Worker worker, ReadOnlySpan<byte> rows, int count, scoped ref int stride, int bytes)
    {
        const int way = 4096, ways = 8, line = 64;
        if (stride % (2 * ways * way / count) != 0) return rows;
        int from = stride, to = Ceiling.OfRatio(bytes, line) * line + line;
        Span<byte> copy = MemoryMarshal.AsBytes(worker.Scratch(ScratchSlot.PanelOfB, count * to / sizeof(float)));
        for (int row = 0; row < count; row++) rows.Slice(row * from, bytes).CopyTo(copy[(row * to)..]);
        stride = to;
        return copy;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneFour<float> Four(ref float start) => new(
        Vector512.LoadUnsafe(ref start), Vector512.LoadUnsafe(ref start, Lanes), Vector512.LoadUnsafe(ref start, 2 * Lanes), Vector512.LoadUnsafe(ref start, 3 * Lanes));
}
