using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// A row of numbers x, or a few, times a matrix W [out, in] that is read where it lies: rows of W lie side by side in the lanes of
/// registers that take turns, because a sum waits for the one before it. Each sum adds in the order of x, as in every product.
/// AVX-512 and AVX2. See Gemm.md, few rows.
/// </summary>
internal static partial class NumberRows
{
    /// <summary>The least rows of W: one register of them alone would wait for itself.</summary>
    public const int Least = 2 * Eight;

    /// <summary>Bytes of a row that are read at a time.</summary>
    public const int Piece = 16;

    private const int Eight = LaneColumns.Eight, Most = 4 * Eight, PiecesOfLine = Prefetch.Line / Piece;

    /// <summary>Pieces by which a register of rows is ahead of the one before it: four lines at most, and one part in so many of all.</summary>
    private const int MostPiecesApart = 4 * PiecesOfLine, PartApart = 32;

    /// <summary>Pieces of rows that are worth streams.</summary>
    private const int WorthStreams = 96;

    /// <summary>
    /// y [tokens, out] += x [tokens, in] Wᵀ for so many pieces of each row of W. Rows begin <paramref name="stride"/> bytes apart; the
    /// caller has proved that they are there. Long rows are read as streams (<see cref="RowStreams"/>). Rows that are left after
    /// whole registers are multiplied together with some before them, beside y, and only they are kept.
    /// </summary>
    public static void Multiply<TNumbers>(InstructionSet set, ref byte rows, nint stride, int pieces, MatrixSpan x, MatrixSpan y) where TNumbers : struct, INumbers
    {
        int whole = y.Columns / Least * Least, row = 0;
        if (pieces >= WorthStreams)
            for (int each; row + 2 * Most <= whole; row += Most * each)
            {
                each = RowStreams.RowsOfLane(whole - row, Most, (int)stride);
                for (int first = row; first < row + each; first++) MultiplyStreams<TNumbers>(set, ref Unsafe.Add(ref rows, first * stride), stride, each, pieces, x, y, first);
            }
        for (int some; row < whole; row += some)
        {
            some = Math.Min(Most, whole - row);
            for (int token = 0; token < y.Rows; token++)
            {
                Operands of = Operands.Of<TNumbers>(ref Unsafe.Add(ref rows, row * stride), stride, x, token, pieces);
                if (some == Most) ThirtyTwoRows<TNumbers>(set, of, pieces, y.Row(token)[row..]);
                else TwoRegisters<TNumbers>(of, (0, 0), (1, 0), pieces, y.Row(token)[row..]);
            }
        }
        if (whole < y.Columns) MultiplyLast<TNumbers>(ref Unsafe.Add(ref rows, (y.Columns - Least) * stride), stride, pieces, x, y, y.Columns - whole);
    }

    /// <summary>A row of each of 32 streams, so many rows apart. Their sums, which are as far apart, are brought together.</summary>
    private static void MultiplyStreams<TNumbers>(InstructionSet set, ref byte rows, nint stride, int apart, int pieces, MatrixSpan x, MatrixSpan y, int first) where TNumbers : struct, INumbers
    {
        Span<float> sums = stackalloc float[Most];
        for (int token = 0; token < y.Rows; token++)
        {
            Span<float> of = y.Row(token)[first..];
            for (int i = 0; i < Most; i++) sums[i] = of[i * apart];
            ThirtyTwoRows<TNumbers>(set, Operands.Of<TNumbers>(ref rows, apart * stride, x, token, pieces), pieces, sums);
            for (int i = 0; i < Most; i++) of[i * apart] = sums[i];
        }
    }

    /// <summary>The last sixteen rows, of which so many are kept.</summary>
    private static void MultiplyLast<TNumbers>(ref byte rows, nint stride, int pieces, MatrixSpan x, MatrixSpan y, int kept) where TNumbers : struct, INumbers
    {
        Span<float> sums = stackalloc float[Least];
        for (int token = 0; token < y.Rows; token++)
        {
            y.Row(token)[^Least..].CopyTo(sums);
            TwoRegisters<TNumbers>(Operands.Of<TNumbers>(ref rows, stride, x, token, pieces), (0, 0), (1, 0), pieces, sums);
            sums[^kept..].CopyTo(y.Row(token)[^kept..]);
        }
    }

    /// <summary>
    /// Rows a power of two apart share a few sets of the first-level cache, which hold eight or twelve lines each, and what is
    /// fetched ahead would drive out what has been fetched. There each eight rows are some lines ahead of those before them, in
    /// sets of their own, and begin and end with fewer beside them; where the rows are too short for that, each eight have a
    /// whole line in their turn. So eight lanes serve there on AVX-512 as well.
    /// </summary>
    private static void ThirtyTwoRows<TNumbers>(InstructionSet set, Operands of, int pieces, Span<float> y) where TNumbers : struct, INumbers
    {
        int apart = Math.Min(MostPiecesApart, pieces / PartApart / PiecesOfLine * PiecesOfLine);
        if (!CacheSets.Overflow((int)of.Stride, Most))
        {
            if (set == InstructionSet.Avx512) TwoRegistersAvx512<TNumbers>(of, pieces, y);
            else FourRegisters<TNumbers>(of, pieces, apart: 0, y);
        }
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

    /// <summary>Some pieces of two registers, each from a piece of its own on.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void TwoRegisters<TNumbers>(Operands of, (int Register, int Piece) one, (int Register, int Piece) other, int pieces, Span<float> y) where TNumbers : struct, INumbers
    {
        Operands first = of.From<TNumbers>(one.Piece), second = of.From<TNumbers>(other.Piece);
        nint stride = of.Stride, xStride = of.XStride, step = TNumbers.OfPiece * xStride;
        ref byte at = ref Unsafe.Add(ref first.Rows, one.Register * Eight * stride), next = ref Unsafe.Add(ref second.Rows, other.Register * Eight * stride);
        ref float value = ref first.X, nextValue = ref second.X;
        Span<float> sums = y.Slice(one.Register * Eight, Eight), more = y.Slice(other.Register * Eight, Eight);
        Vector256<float> s0 = Vector256.Create<float>(sums), s1 = Vector256.Create<float>(more);
        for (int p = 0; p < pieces; p++)
        {
            s0 = Add<TNumbers>(ref at, stride, ref value, xStride, s0);
            s1 = Add<TNumbers>(ref next, stride, ref nextValue, xStride, s1);
            at = ref Unsafe.Add(ref at, Piece);
            next = ref Unsafe.Add(ref next, Piece);
            value = ref Unsafe.Add(ref value, step);
            nextValue = ref Unsafe.Add(ref nextValue, step);
        }
        s0.CopyTo(sums);
        s1.CopyTo(more);
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
    private static Vector256<float> Add<TNumbers>(ref byte rows, nint stride, ref float x, nint xStride, Vector256<float> sum) where TNumbers : struct, INumbers
    {
        LaneColumns.LoadEight(ref rows, stride, out Vector256<int> c0, out Vector256<int> c1, out Vector256<int> c2, out Vector256<int> c3);
        return TNumbers.Add(c0, c1, c2, c3, ref x, xStride, sum);
    }

    /// <summary>Where rows and x begin, and from one row to the next in bytes, from one number of x to the next in floats.</summary>
    private readonly ref struct Operands(ref byte rows, nint stride, ref float x, nint xStride)
    {
        public readonly ref byte Rows = ref rows;
        public readonly nint Stride = stride;
        public readonly ref float X = ref x;
        public readonly nint XStride = xStride;

        /// <summary>Rows and a token. The slice proves the bounds of all that is read of x.</summary>
        public static Operands Of<TNumbers>(ref byte rows, nint stride, MatrixSpan x, int token, int pieces) where TNumbers : struct, INumbers =>
            new(ref rows, stride, ref MemoryMarshal.GetReference(x.Data.Slice(token * x.RowStride, (pieces * TNumbers.OfPiece - 1) * x.ColumnStride + 1)), x.ColumnStride);

        /// <summary>The same from a piece on.</summary>
        public Operands From<TNumbers>(int piece) where TNumbers : struct, INumbers =>
            new(ref Unsafe.Add(ref Rows, piece * Piece), Stride, ref Unsafe.Add(ref X, piece * TNumbers.OfPiece * XStride), XStride);
    }
}
