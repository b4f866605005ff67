using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

internal static partial class LaneRows
{
    private const int Sixteen = LaneColumns.Rows;

    /// <summary>Up to four tokens and sixteen rows. With fewer the last one is multiplied again, with the same bits.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void SixteenRows<TPiece>(ReadOnlySpan<byte> rows, int stride, PieceRuns runs, ReadOnlySpan<float> levels, ReadOnlySpan<float> scales, ReadOnlySpan<byte> next, MatrixSpan x, MatrixSpan y)
        where TPiece : struct, ILanePiece
    {
        // The slices prove the bounds once; the loop then reads without checks.
        ref byte at = ref MemoryMarshal.GetReference(rows[..((Sixteen - 1) * stride + (runs.Count - 1) * runs.Bytes + runs.Pieces * Piece)]);
        ref float values = ref MemoryMarshal.GetReference(x.Data[..((x.Rows - 1) * x.RowStride + runs.Count * runs.Pieces * TPiece.Weights)]);
        ref float own = ref MemoryMarshal.GetReference(scales[..((runs.Count - 1) * Rows + Sixteen)]);
        int ahead = runs.Bytes * Sixteen / runs.Pieces;
        TokenSteps steps = FourTokens.Steps(x, 0);
        Vector512<float> table = Vector512.Create(levels);
        LaneFour<float> sums = FourTokens.Read(y, 0);
        for (int run = 0; run < runs.Count; run++)
        {
            Vector512<float> scale = Vector512.LoadUnsafe(ref own);
            for (int p = 0; p < runs.Pieces; p++)
            {
                Prefetch.Next(ref next, ahead);
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

    /// <summary>One token and 64 rows, in four registers.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void SixtyFourRows<TPiece>(ReadOnlySpan<byte> rows, int stride, PieceRuns runs, ReadOnlySpan<float> levels, ReadOnlySpan<float> scales, ReadOnlySpan<byte> next, ReadOnlySpan<float> x, Span<float> y)
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
                Prefetch.Next(ref next, ahead);
                LaneColumns.Load(ref at, stride, out Vector512<int> a0, out Vector512<int> a1, out Vector512<int> a2, out Vector512<int> a3);
                LaneColumns.Load(ref Unsafe.Add(ref at, Sixteen * (nint)stride), stride, out Vector512<int> b0, out Vector512<int> b1, out Vector512<int> b2, out Vector512<int> b3);
                LaneColumns.Load(ref Unsafe.Add(ref at, 2 * Sixteen * (nint)stride), stride, out Vector512<int> c0, out Vector512<int> c1, out Vector512<int> c2, out Vector512<int> c3);
                LaneColumns.Load(ref Unsafe.Add(ref at, 3 * Sixteen * (nint)stride), stride, out Vector512<int> d0, out Vector512<int> d1, out Vector512<int> d2, out Vector512<int> d3);
                sums = TPiece.Add(new(a0, b0, c0, d0), new(a1, b1, c1, d1), new(a2, b2, c2, d2), new(a3, b3, c3, d3), table, scale, ref values, sums);
                at = ref Unsafe.Add(ref at, Piece);
                values = ref Unsafe.Add(ref values, TPiece.Weights);
            }
            at = ref Unsafe.Add(ref at, runs.Bytes - runs.Pieces * Piece);
            own = ref Unsafe.Add(ref own, Rows);
        }
        sums.A.CopyTo(y);
        sums.B.CopyTo(y[Sixteen..]);
        sums.C.CopyTo(y[(2 * Sixteen)..]);
        sums.D.CopyTo(y[(3 * Sixteen)..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneFour<float> Four(ref float start) => new(
        Vector512.LoadUnsafe(ref start), Vector512.LoadUnsafe(ref start, Sixteen), Vector512.LoadUnsafe(ref start, 2 * Sixteen), Vector512.LoadUnsafe(ref start, 3 * Sixteen));
}
