using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

internal static partial class FewRows
{
    private const int Sixteen = LaneColumns.Rows;

    /// <summary>Four rows of B are read side by side, from the first column to the last, for up to four rows of x; the first time, memory is asked for what comes next.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void SweepFour(MatrixSpan x, MatrixSpan b, MatrixSpan y, bool ahead)
    {
        int steps = b.Rows, columns = b.Columns, second = Math.Min(1, x.Rows - 1), third = Math.Min(2, x.Rows - 1), fourth = Math.Min(3, x.Rows - 1);
        nint stride = b.RowStride;
        // The slices prove the bounds once; the loops below then read and write without checks.
        ref float rows = ref MemoryMarshal.GetReference(b.Data[..((steps - 1) * b.RowStride + columns)]);
        ref float y0 = ref MemoryMarshal.GetReference(y.Row(0)[..columns]), y1 = ref MemoryMarshal.GetReference(y.Row(second)[..columns]);
        ref float y2 = ref MemoryMarshal.GetReference(y.Row(third)[..columns]), y3 = ref MemoryMarshal.GetReference(y.Row(fourth)[..columns]);
        for (int k = 0; k < steps; k += StepsAtOnce)
        {
            LaneFour<float> x0 = Four(x.Row(0)[k..]), x1 = Four(x.Row(second)[k..]), x2 = Four(x.Row(third)[k..]), x3 = Four(x.Row(fourth)[k..]);
            for (nint j = 0; j < columns; j += Sixteen)
            {
                if (ahead) Prefetch.FourRows(ref Unsafe.As<float, byte>(ref Unsafe.Add(ref rows, j + StepsAhead * stride)), stride * sizeof(float));
                LaneFour<float> some = new(
                    Vector512.LoadUnsafe(ref Unsafe.Add(ref rows, j)), Vector512.LoadUnsafe(ref Unsafe.Add(ref rows, j + stride)),
                    Vector512.LoadUnsafe(ref Unsafe.Add(ref rows, j + 2 * stride)), Vector512.LoadUnsafe(ref Unsafe.Add(ref rows, j + 3 * stride)));
                // Rows that stand for ones that are not there are the last one again, with the same bits: all are read before any is written.
                Vector512<float> s0 = Chain(x0, some, Vector512.LoadUnsafe(ref y0, (nuint)j)), s1 = Chain(x1, some, Vector512.LoadUnsafe(ref y1, (nuint)j));
                Vector512<float> s2 = Chain(x2, some, Vector512.LoadUnsafe(ref y2, (nuint)j)), s3 = Chain(x3, some, Vector512.LoadUnsafe(ref y3, (nuint)j));
                s0.StoreUnsafe(ref y0, (nuint)j);
                s1.StoreUnsafe(ref y1, (nuint)j);
                s2.StoreUnsafe(ref y2, (nuint)j);
                s3.StoreUnsafe(ref y3, (nuint)j);
            }
            rows = ref Unsafe.Add(ref rows, StepsAtOnce * stride);
        }
    }

    /// <summary>Four steps of thirty-two columns at a time are transposed in registers and used for up to four rows: eight sums, which wait little for each other.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void ThirtyTwoColumns(ref byte at, nint stride, bool apart, ref byte next, MatrixSpan x, MatrixSpan y)
    {
        MatrixSpan right = y.Block(0, y.Rows, Sixteen, Sixteen);
        TokenSteps rows = FourTokens.Steps(x, 0);
        ref float values = ref MemoryMarshal.GetReference(x.Data[..((x.Rows - 1) * x.RowStride + x.Columns)]);
        ref byte second = ref Unsafe.Add(ref at, Sixteen * stride);
        LaneFour<float> sums = FourTokens.Read(y, 0), more = FourTokens.Read(right, 0);
        for (nint step = 0; step < x.Columns; step += StepsAtOnce)
        {
            if (apart)
            {
                Prefetch.FourLines(ref next);
                Prefetch.FourLines(ref Unsafe.Add(ref next, 4 * Prefetch.Line));
                next = ref Unsafe.Add(ref next, 8 * Prefetch.Line);
            }
            else
            {
                Prefetch.FourInTurn(ref at, stride, step, Sixteen);
                Prefetch.FourInTurn(ref second, stride, step, Sixteen);
            }
            LaneColumns.Load(ref at, stride, out Vector512<int> b0, out Vector512<int> b1, out Vector512<int> b2, out Vector512<int> b3);
            sums = AddFour(b0, b1, b2, b3, ref Unsafe.Add(ref values, step), rows, sums);
            LaneColumns.Load(ref second, stride, out b0, out b1, out b2, out b3);
            more = AddFour(b0, b1, b2, b3, ref Unsafe.Add(ref values, step), rows, more);
            at = ref Unsafe.Add(ref at, StepsAtOnce * sizeof(float));
            second = ref Unsafe.Add(ref second, StepsAtOnce * sizeof(float));
        }
        FourTokens.Write(sums, y, 0);
        FourTokens.Write(more, right, 0);
    }

    /// <summary>Four steps of sixteen columns for up to eight rows. Of fewer than five the last takes the place of the fifth, with the same bits.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void SixteenColumns(ref byte at, nint stride, bool apart, ref byte next, MatrixSpan x, MatrixSpan y)
    {
        int from = Math.Min(RowsSideBySide, x.Rows - 1);
        TokenSteps rows = FourTokens.Steps(x, 0), others = FourTokens.Steps(x, from);
        ref float values = ref MemoryMarshal.GetReference(x.Data[..((x.Rows - 1) * x.RowStride + x.Columns)]), fifth = ref Unsafe.Add(ref values, from * (nint)x.RowStride);
        LaneFour<float> sums = FourTokens.Read(y, 0), more = FourTokens.Read(y, from);
        for (nint step = 0; step < x.Columns; step += StepsAtOnce)
        {
            if (apart)
            {
                Prefetch.FourLines(ref next);
                next = ref Unsafe.Add(ref next, 4 * Prefetch.Line);
            }
            else Prefetch.FourInTurn(ref at, stride, step, Sixteen);
            LaneColumns.Load(ref at, stride, out Vector512<int> b0, out Vector512<int> b1, out Vector512<int> b2, out Vector512<int> b3);
            sums = AddFour(b0, b1, b2, b3, ref Unsafe.Add(ref values, step), rows, sums);
            more = AddFour(b0, b1, b2, b3, ref Unsafe.Add(ref fifth, step), others, more);
            at = ref Unsafe.Add(ref at, StepsAtOnce * sizeof(float));
        }
        FourTokens.Write(sums, y, 0);
        FourTokens.Write(more, y, from);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneFour<float> AddFour(Vector512<int> b0, Vector512<int> b1, Vector512<int> b2, Vector512<int> b3, ref float x, TokenSteps rows, LaneFour<float> sums)
    {
        sums = Levels.AddTokens(b0.AsSingle(), ref x, rows, sums);
        sums = Levels.AddTokens(b1.AsSingle(), ref Unsafe.Add(ref x, 1), rows, sums);
        sums = Levels.AddTokens(b2.AsSingle(), ref Unsafe.Add(ref x, 2), rows, sums);
        return Levels.AddTokens(b3.AsSingle(), ref Unsafe.Add(ref x, 3), rows, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Chain(LaneFour<float> x, LaneFour<float> b, Vector512<float> sum) =>
        Vector512.FusedMultiplyAdd(x.D, b.D, Vector512.FusedMultiplyAdd(x.C, b.C, Vector512.FusedMultiplyAdd(x.B, b.B, Vector512.FusedMultiplyAdd(x.A, b.A, sum))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static LaneFour<float> Four(ReadOnlySpan<float> x) => new(Vector512.Create(x[0]), Vector512.Create(x[1]), Vector512.Create(x[2]), Vector512.Create(x[3]));
}
