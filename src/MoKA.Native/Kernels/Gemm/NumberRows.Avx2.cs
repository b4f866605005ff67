using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

internal static partial class NumberRows
{
    /// <summary>Pieces by which the first eight rows are ahead of the last: twelve lines at most, and one part in so many of all.</summary>
    private const int MostPiecesOfSixteen = 12 * PiecesOfLine, PartOfSixteen = 4;

    /// <summary>
    /// Sixteen rows. Where lines of them would share one set of the first-level cache, which holds eight, the first eight rows are
    /// some lines ahead of the others, and begin and end alone.
    /// </summary>
    private static void SixteenRows<TNumbers>(Operands of, int pieces, Span<float> y) where TNumbers : struct, INumbers
    {
        int apart = CacheSets.Overflow((int)of.Stride, Least) ? Math.Min(MostPiecesOfSixteen, pieces / PartOfSixteen / PiecesOfLine * PiecesOfLine) : 0;
        OneRegister<TNumbers>(of, (0, 0), apart, y);
        TwoRegisters<TNumbers>(of, (0, apart), (1, 0), pieces - apart, y);
        OneRegister<TNumbers>(of, (1, pieces - apart), apart, y);
    }

    /// <summary>Some pieces of one register, from a piece on.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void OneRegister<TNumbers>(Operands of, (int Register, int Piece) one, int pieces, Span<float> y) where TNumbers : struct, INumbers
    {
        Operands from = of.From<TNumbers>(one.Piece);
        nint stride = of.Stride, xStride = of.XStride, step = TNumbers.OfPiece * xStride;
        ref byte at = ref Unsafe.Add(ref from.Rows, one.Register * Eight * stride);
        ref float value = ref from.X;
        Span<float> sums = y.Slice(one.Register * Eight, Eight);
        Vector256<float> sum = Vector256.Create<float>(sums);
        for (int p = 0; p < pieces; p++)
        {
            sum = Add<TNumbers>(ref at, stride, ref value, xStride, sum);
            at = ref Unsafe.Add(ref at, Piece);
            value = ref Unsafe.Add(ref value, step);
        }
        sum.CopyTo(sums);
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Add<TNumbers>(ref byte rows, nint stride, ref float x, nint xStride, Vector256<float> sum) where TNumbers : struct, INumbers
    {
        LaneColumns.LoadEight(ref rows, stride, out Vector256<int> c0, out Vector256<int> c1, out Vector256<int> c2, out Vector256<int> c3);
        return TNumbers.Add(c0, c1, c2, c3, ref x, xStride, sum);
    }
}
