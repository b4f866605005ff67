using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

internal static partial class FewRows
{
    private const int Eight = LaneColumns.Eight;

    /// <summary>Four rows of B side by side for one or two rows of x: their eight numbers, two sums and a register of B leave room in sixteen registers, more rows would not.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void SweepTwo(MatrixSpan x, MatrixSpan b, MatrixSpan y, bool ahead)
    {
        int steps = b.Rows, columns = b.Columns, second = x.Rows - 1;
        nint stride = b.RowStride;
        // The slices prove the bounds once; the loops below then read and write without checks.
        ref float rows = ref MemoryMarshal.GetReference(b.Data[..((steps - 1) * b.RowStride + columns)]);
        ref float y0 = ref MemoryMarshal.GetReference(y.Row(0)[..columns]), y1 = ref MemoryMarshal.GetReference(y.Row(second)[..columns]);
        for (int k = 0; k < steps; k += StepsAtOnce)
        {
            EightFour x0 = FourOfEight(x.Row(0)[k..]), x1 = FourOfEight(x.Row(second)[k..]);
            for (nint j = 0; j < columns; j += Eight)
            {
                if (ahead && (j & Eight) == 0) Prefetch.FourRows(ref Unsafe.As<float, byte>(ref Unsafe.Add(ref rows, j + StepsAhead * stride)), stride * sizeof(float));
                Vector256<float> s0 = Vector256.LoadUnsafe(ref y0, (nuint)j), s1 = Vector256.LoadUnsafe(ref y1, (nuint)j);
                Vector256<float> some = Vector256.LoadUnsafe(ref Unsafe.Add(ref rows, j));
                s0 = Vector256.FusedMultiplyAdd(x0.A, some, s0);
                s1 = Vector256.FusedMultiplyAdd(x1.A, some, s1);
                some = Vector256.LoadUnsafe(ref Unsafe.Add(ref rows, j + stride));
                s0 = Vector256.FusedMultiplyAdd(x0.B, some, s0);
                s1 = Vector256.FusedMultiplyAdd(x1.B, some, s1);
                some = Vector256.LoadUnsafe(ref Unsafe.Add(ref rows, j + 2 * stride));
                s0 = Vector256.FusedMultiplyAdd(x0.C, some, s0);
                s1 = Vector256.FusedMultiplyAdd(x1.C, some, s1);
                some = Vector256.LoadUnsafe(ref Unsafe.Add(ref rows, j + 3 * stride));
                // A second row that is not there is the first again, with the same bits.
                Vector256.FusedMultiplyAdd(x0.D, some, s0).StoreUnsafe(ref y0, (nuint)j);
                Vector256.FusedMultiplyAdd(x1.D, some, s1).StoreUnsafe(ref y1, (nuint)j);
            }
            rows = ref Unsafe.Add(ref rows, StepsAtOnce * stride);
        }
    }

    /// <summary>Four steps of sixteen columns at a time are transposed in registers and used for up to four rows: eight sums, which wait little for each other.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void SixteenColumnsAvx2(ref byte at, nint stride, bool apart, ref byte next, MatrixSpan x, MatrixSpan y)
    {
        int second = Math.Min(1, x.Rows - 1), third = Math.Min(2, x.Rows - 1), fourth = Math.Min(3, x.Rows - 1);
        TokenSteps rows = FourTokens.Steps(x, 0);
        ref float values = ref MemoryMarshal.GetReference(x.Data[..((x.Rows - 1) * x.RowStride + x.Columns)]);
        Span<float> y0 = y.Row(0), y1 = y.Row(second), y2 = y.Row(third), y3 = y.Row(fourth);
        Vector256<float> s0 = Vector256.Create<float>(y0), s1 = Vector256.Create<float>(y1), s2 = Vector256.Create<float>(y2), s3 = Vector256.Create<float>(y3);
        Vector256<float> s4 = Vector256.Create<float>(y0[Eight..]), s5 = Vector256.Create<float>(y1[Eight..]), s6 = Vector256.Create<float>(y2[Eight..]), s7 = Vector256.Create<float>(y3[Eight..]);
        for (nint step = 0; step < x.Columns; step += StepsAtOnce)
        {
            if (apart)
            {
                Prefetch.FourLines(ref next);
                next = ref Unsafe.Add(ref next, 4 * Prefetch.Line);
            }
            else Prefetch.FourInTurn(ref at, stride, step, 2 * Eight);
            ref float four = ref Unsafe.Add(ref values, step);
            EightFour b = FourSteps(ref at, stride);
            s0 = b.Add(ref four, s0);
            s1 = b.Add(ref Unsafe.Add(ref four, rows.Second), s1);
            s2 = b.Add(ref Unsafe.Add(ref four, rows.Third), s2);
            s3 = b.Add(ref Unsafe.Add(ref four, rows.Fourth), s3);
            b = FourSteps(ref Unsafe.Add(ref at, Eight * stride), stride);
            s4 = b.Add(ref four, s4);
            s5 = b.Add(ref Unsafe.Add(ref four, rows.Second), s5);
            s6 = b.Add(ref Unsafe.Add(ref four, rows.Third), s6);
            s7 = b.Add(ref Unsafe.Add(ref four, rows.Fourth), s7);
            at = ref Unsafe.Add(ref at, StepsAtOnce * sizeof(float));
        }
        s0.CopyTo(y0);
        s1.CopyTo(y1);
        s2.CopyTo(y2);
        s3.CopyTo(y3);
        s4.CopyTo(y0[Eight..]);
        s5.CopyTo(y1[Eight..]);
        s6.CopyTo(y2[Eight..]);
        s7.CopyTo(y3[Eight..]);
    }

    /// <summary>Four steps of eight columns for up to eight rows. Of fewer than five the last takes the place of the fifth, with the same bits.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void EightColumns(ref byte at, nint stride, bool apart, ref byte next, MatrixSpan x, MatrixSpan y)
    {
        int last = x.Rows - 1, from = Math.Min(RowsSideBySide, last);
        TokenSteps rows = FourTokens.Steps(x, 0), others = FourTokens.Steps(x, from);
        ref float values = ref MemoryMarshal.GetReference(x.Data[..(last * x.RowStride + x.Columns)]);
        Span<float> y0 = y.Row(0), y1 = y.Row(Math.Min(1, last)), y2 = y.Row(Math.Min(2, last)), y3 = y.Row(Math.Min(3, last));
        Span<float> y4 = y.Row(from), y5 = y.Row(Math.Min(from + 1, last)), y6 = y.Row(Math.Min(from + 2, last)), y7 = y.Row(Math.Min(from + 3, last));
        Vector256<float> s0 = Vector256.Create<float>(y0), s1 = Vector256.Create<float>(y1), s2 = Vector256.Create<float>(y2), s3 = Vector256.Create<float>(y3);
        Vector256<float> s4 = Vector256.Create<float>(y4), s5 = Vector256.Create<float>(y5), s6 = Vector256.Create<float>(y6), s7 = Vector256.Create<float>(y7);
        for (nint step = 0; step < x.Columns; step += StepsAtOnce)
        {
            if (apart)
            {
                Prefetch.Lines(ref next, 2 * Prefetch.Line);
                next = ref Unsafe.Add(ref next, 2 * Prefetch.Line);
            }
            else Prefetch.FourInTurn(ref at, stride, step, Eight);
            ref float four = ref Unsafe.Add(ref values, step), fifth = ref Unsafe.Add(ref four, from * (nint)x.RowStride);
            EightFour b = FourSteps(ref at, stride);
            s0 = b.Add(ref four, s0);
            s1 = b.Add(ref Unsafe.Add(ref four, rows.Second), s1);
            s2 = b.Add(ref Unsafe.Add(ref four, rows.Third), s2);
            s3 = b.Add(ref Unsafe.Add(ref four, rows.Fourth), s3);
            s4 = b.Add(ref fifth, s4);
            s5 = b.Add(ref Unsafe.Add(ref fifth, others.Second), s5);
            s6 = b.Add(ref Unsafe.Add(ref fifth, others.Third), s6);
            s7 = b.Add(ref Unsafe.Add(ref fifth, others.Fourth), s7);
            at = ref Unsafe.Add(ref at, StepsAtOnce * sizeof(float));
        }
        s0.CopyTo(y0);
        s1.CopyTo(y1);
        s2.CopyTo(y2);
        s3.CopyTo(y3);
        s4.CopyTo(y4);
        s5.CopyTo(y5);
        s6.CopyTo(y6);
        s7.CopyTo(y7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static EightFour FourSteps(ref byte at, nint stride)
    {
        LaneColumns.LoadEight(ref at, stride, out Vector256<int> b0, out Vector256<int> b1, out Vector256<int> b2, out Vector256<int> b3);
        return new(b0.AsSingle(), b1.AsSingle(), b2.AsSingle(), b3.AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static EightFour FourOfEight(ReadOnlySpan<float> x) => new(Vector256.Create(x[0]), Vector256.Create(x[1]), Vector256.Create(x[2]), Vector256.Create(x[3]));
}
