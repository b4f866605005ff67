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

    /// <summary>The rows at a time, on AVX-512 two registers of sixteen, on AVX2 two of eight: more would be more streams than an older processor fetches ahead.</summary>
    private const int Most = 2 * LaneColumns.Rows, Eight = LaneColumns.Eight, PiecesOfLine = Prefetch.Line / Piece;

    /// <summary>Pieces of rows that are worth streams.</summary>
    private const int WorthStreams = 96;

    /// <summary>
    /// y [tokens, out] += x [tokens, in] Wᵀ for so many pieces of each row of W. Rows begin <paramref name="stride"/> bytes apart; the
    /// caller has proved that they are there. Long rows are read as streams (<see cref="RowStreams"/>). Rows that are left after
    /// whole registers are multiplied together with some before them, beside y, and only they are kept.
    /// </summary>
    public static void Multiply<TNumbers>(InstructionSet set, ref byte rows, nint stride, int pieces, MatrixSpan x, MatrixSpan y) where TNumbers : struct, INumbers
    {
        int most = set == InstructionSet.Avx512 ? Most : Least, whole = y.Columns / Least * Least, row = 0;
        if (pieces >= WorthStreams)
            for (int each; row + 2 * most <= whole; row += most * each)
            {
                each = RowStreams.RowsOfLane(whole - row, most, (int)stride);
                for (int first = row; first < row + each; first++) MultiplyStreams<TNumbers>(ref Unsafe.Add(ref rows, first * stride), stride, most, each, pieces, x, y, first);
            }
        for (int some; row < whole; row += some)
        {
            some = Math.Min(most, whole - row);
            for (int token = 0; token < y.Rows; token++)
                MultiplyRows<TNumbers>(Operands.Of<TNumbers>(ref Unsafe.Add(ref rows, row * stride), stride, x, token, pieces), some, pieces, y.Row(token)[row..]);
        }
        if (whole < y.Columns) MultiplyLast<TNumbers>(ref Unsafe.Add(ref rows, (y.Columns - Least) * stride), stride, pieces, x, y, y.Columns - whole);
    }

    /// <summary>A row of each of so many streams, some rows apart. Their sums, which are as far apart, are brought together.</summary>
    private static void MultiplyStreams<TNumbers>(ref byte rows, nint stride, int streams, int apart, int pieces, MatrixSpan x, MatrixSpan y, int first) where TNumbers : struct, INumbers
    {
        Span<float> sums = stackalloc float[Most];
        for (int token = 0; token < y.Rows; token++)
        {
            Span<float> of = y.Row(token)[first..];
            for (int i = 0; i < streams; i++) sums[i] = of[i * apart];
            MultiplyRows<TNumbers>(Operands.Of<TNumbers>(ref rows, apart * stride, x, token, pieces), streams, pieces, sums);
            for (int i = 0; i < streams; i++) of[i * apart] = sums[i];
        }
    }

    /// <summary>Sixteen rows or thirty-two.</summary>
    private static void MultiplyRows<TNumbers>(Operands of, int rows, int pieces, Span<float> y) where TNumbers : struct, INumbers
    {
        if (rows == Most) ThirtyTwoRows<TNumbers>(of, pieces, y);
        else SixteenRows<TNumbers>(of, pieces, y);
    }

    /// <summary>The last sixteen rows, of which so many are kept.</summary>
    private static void MultiplyLast<TNumbers>(ref byte rows, nint stride, int pieces, MatrixSpan x, MatrixSpan y, int kept) where TNumbers : struct, INumbers
    {
        Span<float> sums = stackalloc float[Least];
        for (int token = 0; token < y.Rows; token++)
        {
            y.Row(token)[^Least..].CopyTo(sums);
            SixteenRows<TNumbers>(Operands.Of<TNumbers>(ref rows, stride, x, token, pieces), pieces, sums);
            sums[^kept..].CopyTo(y.Row(token)[^kept..]);
        }
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
