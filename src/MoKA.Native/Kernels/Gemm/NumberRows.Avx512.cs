using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

internal static partial class NumberRows
{
    /// <summary>Pieces by which a register of eight rows is ahead of the one before it: four lines at most, and one part in so many of all.</summary>
    private const int MostPiecesOfThirtyTwo = 4 * PiecesOfLine, PartOfThirtyTwo = 32;

    /// <summary>
    /// Rows a power of two apart share a few sets of the first-level cache, which hold eight or twelve lines each, and what is
    /// fetched ahead would drive out what has been fetched. There each eight rows are some lines ahead of those before them, in
    /// sets of their own, and begin and end with fewer beside them; where the rows are too short for that, each eight have a
    /// whole line in their turn. So eight lanes serve there.
    /// </summary>
    private static void ThirtyTwoRows<TNumbers>(Operands of, int pieces, Span<float> y) where TNumbers : struct, INumbers
    {
        int apart = Math.Min(MostPiecesOfThirtyTwo, pieces / PartOfThirtyTwo / PiecesOfLine * PiecesOfLine);
        if (!CacheSets.Overflow((int)of.Stride, Most)) TwoRegistersAvx512<TNumbers>(of, pieces, y);
        else if (apart == 0)
        {
            int lines = pieces / PiecesOfLine;
            LineByLine<TNumbers>(of, lines, y);
            FourRegisters<TNumbers>(of.From<TNumbers>(lines * PiecesOfLine), pieces % PiecesOfLine, apart: 0, y);
        }
        else
        {
            TwoRegisters<TNumbers>(of, (2, 0), (3, 0), 2 * apart, y);
            TwoRegisters<TNumbers>(of, (1, 0), (3, 2 * apart), apart, y);
            FourRegisters<TNumbers>(of, pieces - 3 * apart, apart, y);
            TwoRegisters<TNumbers>(of, (0, pieces - 3 * apart), (1, pieces - 2 * apart), 2 * apart, y);
            TwoRegisters<TNumbers>(of, (0, pieces - apart), (2, pieces - apart), apart, y);
        }
    }

    /// <summary>Thirty-two rows in two registers, with half the instructions of four.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void TwoRegistersAvx512<TNumbers>(Operands of, int pieces, Span<float> y) where TNumbers : struct, INumbers
    {
        const int sixteen = LaneColumns.Rows;
        nint stride = of.Stride, xStride = of.XStride, step = TNumbers.OfPiece * xStride;
        ref byte at = ref of.Rows, second = ref Unsafe.Add(ref at, sixteen * stride);
        ref float value = ref of.X;
        Vector512<float> low = Vector512.Create<float>(y), high = Vector512.Create<float>(y[sixteen..]);
        for (int turn = 0; turn < pieces; turn++)
        {
            AskForEight(ref at, turn, Eight * stride, stride);
            low = AddSixteen<TNumbers>(ref at, stride, ref value, xStride, low);
            high = AddSixteen<TNumbers>(ref second, stride, ref value, xStride, high);
            at = ref Unsafe.Add(ref at, Piece);
            second = ref Unsafe.Add(ref second, Piece);
            value = ref Unsafe.Add(ref value, step);
        }
        low.CopyTo(y);
        high.CopyTo(y[sixteen..]);
    }

    /// <summary>Some pieces of each register, which is so many pieces further on than the one before it.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void FourRegisters<TNumbers>(Operands of, nint pieces, nint apart, Span<float> y) where TNumbers : struct, INumbers
    {
        nint stride = of.Stride, next = Eight * stride + apart * Piece, xStride = of.XStride, step = TNumbers.OfPiece * xStride, xNext = apart * step;
        ref byte at = ref of.Rows;
        ref float value = ref of.X;
        Vector256<float> s0 = Vector256.Create<float>(y), s1 = Vector256.Create<float>(y[Eight..]), s2 = Vector256.Create<float>(y[(2 * Eight)..]), s3 = Vector256.Create<float>(y[(3 * Eight)..]);
        for (nint turn = 0; turn < pieces; turn++)
        {
            AskForEight(ref at, turn, next, stride);
            s0 = Add<TNumbers>(ref at, stride, ref value, xStride, s0);
            s1 = Add<TNumbers>(ref Unsafe.Add(ref at, next), stride, ref Unsafe.Add(ref value, xNext), xStride, s1);
            s2 = Add<TNumbers>(ref Unsafe.Add(ref at, 2 * next), stride, ref Unsafe.Add(ref value, 2 * xNext), xStride, s2);
            s3 = Add<TNumbers>(ref Unsafe.Add(ref at, 3 * next), stride, ref Unsafe.Add(ref value, 3 * xNext), xStride, s3);
            at = ref Unsafe.Add(ref at, Piece);
            value = ref Unsafe.Add(ref value, step);
        }
        s0.CopyTo(y);
        s1.CopyTo(y[Eight..]);
        s2.CopyTo(y[(2 * Eight)..]);
        s3.CopyTo(y[(3 * Eight)..]);
    }

    /// <summary>Lines of each register in turn.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void LineByLine<TNumbers>(Operands of, int lines, Span<float> y) where TNumbers : struct, INumbers
    {
        nint stride = of.Stride, next = Eight * stride, xStride = of.XStride, step = PiecesOfLine * TNumbers.OfPiece * xStride;
        ref byte at = ref of.Rows;
        ref float value = ref of.X;
        Vector256<float> s0 = Vector256.Create<float>(y), s1 = Vector256.Create<float>(y[Eight..]), s2 = Vector256.Create<float>(y[(2 * Eight)..]), s3 = Vector256.Create<float>(y[(3 * Eight)..]);
        for (int line = 0; line < lines; line++)
        {
            s0 = AddLine<TNumbers>(ref at, stride, ref value, xStride, s0);
            s1 = AddLine<TNumbers>(ref Unsafe.Add(ref at, next), stride, ref value, xStride, s1);
            s2 = AddLine<TNumbers>(ref Unsafe.Add(ref at, 2 * next), stride, ref value, xStride, s2);
            s3 = AddLine<TNumbers>(ref Unsafe.Add(ref at, 3 * next), stride, ref value, xStride, s3);
            at = ref Unsafe.Add(ref at, Prefetch.Line);
            value = ref Unsafe.Add(ref value, step);
        }
        s0.CopyTo(y);
        s1.CopyTo(y[Eight..]);
        s2.CopyTo(y[(2 * Eight)..]);
        s3.CopyTo(y[(3 * Eight)..]);
    }

    /// <summary>Asks for a line of eight rows, the next eight at each turn: a line of each lasts four turns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AskForEight(ref byte at, nint turn, nint eightRows, nint stride) =>
        Prefetch.EightRows(ref Unsafe.Add(ref at, (turn & (PiecesOfLine - 1)) * eightRows + RowStreams.Ahead), stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddLine<TNumbers>(ref byte rows, nint stride, ref float x, nint xStride, Vector256<float> sum) where TNumbers : struct, INumbers
    {
        nint step = TNumbers.OfPiece * xStride;
        sum = Add<TNumbers>(ref rows, stride, ref x, xStride, sum);
        sum = Add<TNumbers>(ref Unsafe.Add(ref rows, Piece), stride, ref Unsafe.Add(ref x, step), xStride, sum);
        sum = Add<TNumbers>(ref Unsafe.Add(ref rows, 2 * Piece), stride, ref Unsafe.Add(ref x, 2 * step), xStride, sum);
        return Add<TNumbers>(ref Unsafe.Add(ref rows, 3 * Piece), stride, ref Unsafe.Add(ref x, 3 * step), xStride, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> AddSixteen<TNumbers>(ref byte rows, nint stride, ref float x, nint xStride, Vector512<float> sum) where TNumbers : struct, INumbers
    {
        LaneColumns.Load(ref rows, stride, out Vector512<int> c0, out Vector512<int> c1, out Vector512<int> c2, out Vector512<int> c3);
        return TNumbers.Add(c0, c1, c2, c3, ref x, xStride, sum);
    }
}
