using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

internal static partial class LaneRows
{
    private const int Eight = LaneColumns.Eight;

    /// <summary>The most registers of four codes for each of eight rows that a piece gives.</summary>
    private const int MostSteps = 8;

    /// <summary>Plane b: byte b of each of sixteen floats, in both halves of a register, so that a shuffle of bytes looks it up.</summary>
    private static void Planes(ReadOnlySpan<float> levels, Span<Vector256<byte>> planes)
    {
        Span<byte> to = MemoryMarshal.AsBytes(planes);
        ReadOnlySpan<byte> from = MemoryMarshal.AsBytes(levels[..16]);
        for (int b = 0; b < planes.Length; b++)
            for (int i = 0; i < Vector256<byte>.Count; i++) to[b * Vector256<byte>.Count + i] = from[(i & 15) * sizeof(float) + b];
    }

    /// <summary>One token and 32 rows, in four registers.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void ThirtyTwoRows<TPiece>(ReadOnlySpan<byte> rows, int stride, PieceRuns runs, ReadOnlySpan<Vector256<byte>> planes, ReadOnlySpan<float> scales, ReadOnlySpan<byte> next, ReadOnlySpan<float> x, Span<float> y)
        where TPiece : struct, ILanePiece
    {
        // The slices prove the bounds once; the loop then reads without checks.
        ref byte at = ref MemoryMarshal.GetReference(rows[..((4 * Eight - 1) * stride + (runs.Count - 1) * runs.Bytes + runs.Pieces * Piece)]);
        ref float values = ref MemoryMarshal.GetReference(x[..(runs.Count * runs.Pieces * TPiece.Weights)]);
        ref float own = ref MemoryMarshal.GetReference(scales[..((runs.Count - 1) * Rows + 4 * Eight)]);
        ref Vector256<byte> table = ref MemoryMarshal.GetReference(planes), codes = ref MemoryMarshal.GetReference(stackalloc Vector256<byte>[4 * MostSteps]);
        int ahead = runs.Bytes * 4 * Eight / runs.Pieces;
        Vector256<float> a = Vector256.Create<float>(y), b = Vector256.Create<float>(y[Eight..]), c = Vector256.Create<float>(y[(2 * Eight)..]), d = Vector256.Create<float>(y[(3 * Eight)..]);
        for (int run = 0; run < runs.Count; run++)
        {
            for (int p = 0; p < runs.Pieces; p++)
            {
                Prefetch.Next(ref next, ahead);
                for (int register = 0; register < 4; register++) Read<TPiece>(ref Unsafe.Add(ref at, register * Eight * (nint)stride), stride, ref Unsafe.Add(ref codes, register), apart: 4);
                for (nint step = 0; step < TPiece.Weights; step += 4)
                {
                    ref float four = ref Unsafe.Add(ref values, step);
                    ref Vector256<byte> of = ref Unsafe.Add(ref codes, step);
                    a = AddFour<TPiece>(of, ref table, ref own, ref four, a);
                    b = AddFour<TPiece>(Unsafe.Add(ref of, 1), ref table, ref Unsafe.Add(ref own, Eight), ref four, b);
                    c = AddFour<TPiece>(Unsafe.Add(ref of, 2), ref table, ref Unsafe.Add(ref own, 2 * Eight), ref four, c);
                    d = AddFour<TPiece>(Unsafe.Add(ref of, 3), ref table, ref Unsafe.Add(ref own, 3 * Eight), ref four, d);
                }
                at = ref Unsafe.Add(ref at, Piece);
                values = ref Unsafe.Add(ref values, TPiece.Weights);
            }
            at = ref Unsafe.Add(ref at, runs.Bytes - runs.Pieces * Piece);
            own = ref Unsafe.Add(ref own, Rows);
        }
        a.CopyTo(y);
        b.CopyTo(y[Eight..]);
        c.CopyTo(y[(2 * Eight)..]);
        d.CopyTo(y[(3 * Eight)..]);
    }

    /// <summary>Up to four tokens and eight rows. With fewer the last one is multiplied again, with the same bits.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void EightRows<TPiece>(ReadOnlySpan<byte> rows, int stride, PieceRuns runs, ReadOnlySpan<Vector256<byte>> planes, ReadOnlySpan<float> scales, ReadOnlySpan<byte> next, MatrixSpan x, MatrixSpan y)
        where TPiece : struct, ILanePiece
    {
        // The slices prove the bounds once; the loop then reads without checks.
        ref byte at = ref MemoryMarshal.GetReference(rows[..((Eight - 1) * stride + (runs.Count - 1) * runs.Bytes + runs.Pieces * Piece)]);
        ref float values = ref MemoryMarshal.GetReference(x.Data[..((x.Rows - 1) * x.RowStride + runs.Count * runs.Pieces * TPiece.Weights)]);
        ref float own = ref MemoryMarshal.GetReference(scales[..((runs.Count - 1) * Rows + Eight)]);
        ref Vector256<byte> table = ref MemoryMarshal.GetReference(planes), codes = ref MemoryMarshal.GetReference(stackalloc Vector256<byte>[MostSteps]);
        int ahead = runs.Bytes * Eight / runs.Pieces, last = x.Rows - 1;
        TokenSteps steps = FourTokens.Steps(x, 0);
        Span<float> y0 = y.Row(0), y1 = y.Row(Math.Min(1, last)), y2 = y.Row(Math.Min(2, last)), y3 = y.Row(last);
        Vector256<float> a = Vector256.Create<float>(y0), b = Vector256.Create<float>(y1), c = Vector256.Create<float>(y2), d = Vector256.Create<float>(y3);
        for (int run = 0; run < runs.Count; run++)
        {
            Vector256<float> scale = Vector256.LoadUnsafe(ref own);
            for (int p = 0; p < runs.Pieces; p++)
            {
                Prefetch.Next(ref next, ahead);
                Read<TPiece>(ref at, stride, ref codes, apart: 1);
                for (nint step = 0; step < TPiece.Weights / 4; step++)
                {
                    EightFour levels = TPiece.Unscaled(Unsafe.Add(ref codes, step), ref table);
                    EightFour weights = new(levels.A * scale, levels.B * scale, levels.C * scale, levels.D * scale);
                    ref float four = ref Unsafe.Add(ref values, 4 * step);
                    a = weights.Add(ref four, a);
                    b = weights.Add(ref Unsafe.Add(ref four, steps.Second), b);
                    c = weights.Add(ref Unsafe.Add(ref four, steps.Third), c);
                    d = weights.Add(ref Unsafe.Add(ref four, steps.Fourth), d);
                }
                at = ref Unsafe.Add(ref at, Piece);
                values = ref Unsafe.Add(ref values, TPiece.Weights);
            }
            at = ref Unsafe.Add(ref at, runs.Bytes - runs.Pieces * Piece);
            own = ref Unsafe.Add(ref own, Rows);
        }
        a.CopyTo(y0);
        b.CopyTo(y1);
        c.CopyTo(y2);
        d.CopyTo(y3);
    }

    /// <summary>The codes of a piece of eight rows in the order of x, four of each row in a register, so many registers apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Read<TPiece>(ref byte at, nint stride, ref Vector256<byte> codes, nint apart) where TPiece : struct, ILanePiece
    {
        LaneColumns.LoadBytes(ref at, stride, out Vector256<byte> c0, out Vector256<byte> c1, out Vector256<byte> c2, out Vector256<byte> c3);
        TPiece.Order(c0, c1, c2, c3, ref codes, apart);
    }

    /// <summary>The sum and four weights × x of eight rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddFour<TPiece>(Vector256<byte> codes, ref Vector256<byte> planes, ref float scales, ref float x, Vector256<float> sum) where TPiece : struct, ILanePiece
    {
        EightFour levels = TPiece.Unscaled(codes, ref planes);
        Vector256<float> scale = Vector256.LoadUnsafe(ref scales);
        return new EightFour(levels.A * scale, levels.B * scale, levels.C * scale, levels.D * scale).Add(ref x, sum);
    }
}
