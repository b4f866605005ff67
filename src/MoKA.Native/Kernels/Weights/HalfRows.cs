using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>
/// A token times 32 rows of BF16, in the lanes of two registers or of four: <see cref="LaneRows"/> for weights that need no
/// look-up. AVX-512 and AVX2.
/// </summary>
internal static class HalfRows
{
    /// <summary>Rows at a time: fewer than <see cref="LaneRows.Rows"/>, since memory is what they wait for.</summary>
    public const int Rows = 2 * LaneColumns.Rows;

    /// <summary>With more tokens it takes less time to pack panels and to multiply those.</summary>
    public static int FewTokens(InstructionSet set) => set == InstructionSet.Scalar ? 0 : 4;

    /// <summary>Bytes of each row that are copied apart at a time: those of 32 rows fit a first-level cache.</summary>
    private const int BytesApart = 512;

    private const int Sixteen = LaneColumns.Rows, Eight = LaneColumns.Eight, Piece = LaneRows.Piece, WeightsOfPiece = Piece / sizeof(ushort);

    /// <summary>y [tokens, rows] += x [tokens, columns] Wᵀ for whole times 32 rows of so many bytes, in streams (<see cref="RowStreams"/>).</summary>
    public static void Multiply(Worker worker, ReadOnlySpan<byte> weights, int bytesOfRow, MatrixSpan x, MatrixSpan y)
    {
        Span<float> sums = stackalloc float[Rows];
        for (int row = 0, each; row < y.Columns; row += Rows * each)
        {
            each = RowStreams.RowsOfLane(y.Columns - row, Rows, bytesOfRow);
            for (int first = row; first < row + each; first++)
                for (int token = 0; token < x.Rows; token++)
                {
                    Span<float> of = y.Row(token);
                    for (int lane = 0; lane < Rows; lane++) sums[lane] = of[first + lane * each];
                    Multiply(worker, weights[(first * bytesOfRow)..], each * bytesOfRow, bytesOfRow, x.Row(token), sums);
                    for (int lane = 0; lane < Rows; lane++) of[first + lane * each] = sums[lane];
                }
        }
    }

    /// <summary>y [32] += W x for rows that begin <paramref name="apart"/> bytes from each other, some bytes of all at a time.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Multiply(Worker worker, ReadOnlySpan<byte> rows, int apart, int bytesOfRow, ReadOnlySpan<float> x, Span<float> y)
    {
        for (int at = 0; at < bytesOfRow; at += BytesApart)
        {
            int some = Math.Min(BytesApart, bytesOfRow - at), stride = apart;
            ref byte ahead = ref Unsafe.Add(ref MemoryMarshal.GetReference(rows), at + RowStreams.Ahead);
            ReadOnlySpan<byte> piece = LaneRows.Apart(worker, rows[at..], Rows, ref stride, some);
            ReadOnlySpan<float> values = x[(at / sizeof(ushort))..];
            if (worker.InstructionSet == InstructionSet.Avx512) InSixteens(piece, stride, some / Piece, ref ahead, apart, values, y);
            else InEights(piece, stride, some / Piece, ref ahead, apart, values, y);
        }
    }

    /// <summary>So many pieces of each row; rows begin <paramref name="stride"/> bytes apart, and where memory is asked for <paramref name="sourceStride"/>.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void InSixteens(ReadOnlySpan<byte> rows, int stride, int pieces, ref byte ahead, nint sourceStride, ReadOnlySpan<float> x, Span<float> y)
    {
        // The slices prove the bounds once; the loop then reads without checks.
        ref byte at = ref MemoryMarshal.GetReference(rows[..((Rows - 1) * stride + pieces * Piece)]);
        ref float values = ref MemoryMarshal.GetReference(x[..(pieces * WeightsOfPiece)]);
        Vector512<float> low = Vector512.Create<float>(y), high = Vector512.Create<float>(y[Sixteen..]);
        for (int p = 0; p < pieces; p++)
        {
            Ask(ref ahead, p, sourceStride);
            LaneColumns.Load(ref at, stride, out Vector512<int> a0, out Vector512<int> a1, out Vector512<int> a2, out Vector512<int> a3);
            LaneColumns.Load(ref Unsafe.Add(ref at, Sixteen * (nint)stride), stride, out Vector512<int> b0, out Vector512<int> b1, out Vector512<int> b2, out Vector512<int> b3);
            AddTwo(a0, b0, ref values, ref low, ref high);
            AddTwo(a1, b1, ref Unsafe.Add(ref values, 2), ref low, ref high);
            AddTwo(a2, b2, ref Unsafe.Add(ref values, 4), ref low, ref high);
            AddTwo(a3, b3, ref Unsafe.Add(ref values, 6), ref low, ref high);
            at = ref Unsafe.Add(ref at, Piece);
            values = ref Unsafe.Add(ref values, WeightsOfPiece);
        }
        low.CopyTo(y);
        high.CopyTo(y[Sixteen..]);
    }

    /// <summary>The same with eight rows in a register.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void InEights(ReadOnlySpan<byte> rows, int stride, int pieces, ref byte ahead, nint sourceStride, ReadOnlySpan<float> x, Span<float> y)
    {
        // The slices prove the bounds once; the loop then reads without checks.
        ref byte at = ref MemoryMarshal.GetReference(rows[..((Rows - 1) * stride + pieces * Piece)]);
        ref float values = ref MemoryMarshal.GetReference(x[..(pieces * WeightsOfPiece)]);
        Vector256<float> a = Vector256.Create<float>(y), b = Vector256.Create<float>(y[Eight..]), c = Vector256.Create<float>(y[(2 * Eight)..]), d = Vector256.Create<float>(y[(3 * Eight)..]);
        for (int p = 0; p < pieces; p++)
        {
            Ask(ref ahead, p, sourceStride);
            a = AddEight(ref at, stride, ref values, a);
            b = AddEight(ref Unsafe.Add(ref at, Eight * (nint)stride), stride, ref values, b);
            c = AddEight(ref Unsafe.Add(ref at, 2 * Eight * (nint)stride), stride, ref values, c);
            d = AddEight(ref Unsafe.Add(ref at, 3 * Eight * (nint)stride), stride, ref values, d);
            at = ref Unsafe.Add(ref at, Piece);
            values = ref Unsafe.Add(ref values, WeightsOfPiece);
        }
        a.CopyTo(y);
        b.CopyTo(y[Eight..]);
        c.CopyTo(y[(2 * Eight)..]);
        d.CopyTo(y[(3 * Eight)..]);
    }

    /// <summary>Asks for what will be read. A line is four pieces: a quarter of the streams is asked for at each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Ask(ref byte ahead, int piece, nint sourceStride)
    {
        ref byte quarter = ref Unsafe.Add(ref ahead, piece * Piece + (piece & 3) * (Rows / 4) * sourceStride);
        Prefetch.FourRows(ref quarter, sourceStride);
        Prefetch.FourRows(ref Unsafe.Add(ref quarter, 4 * sourceStride), sourceStride);
    }

    /// <summary>Two weights of each row: a float's upper half in the lower, then in the upper half of an integer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTwo(Vector512<int> a, Vector512<int> b, ref float x, ref Vector512<float> low, ref Vector512<float> high)
    {
        Vector512<int> upper = Vector512.Create(unchecked((int)0xFFFF0000));
        Vector512<float> first = Vector512.Create(x), second = Vector512.Create(Unsafe.Add(ref x, 1));
        low = Vector512.FusedMultiplyAdd((a & upper).AsSingle(), second, Vector512.FusedMultiplyAdd((a << 16).AsSingle(), first, low));
        high = Vector512.FusedMultiplyAdd((b & upper).AsSingle(), second, Vector512.FusedMultiplyAdd((b << 16).AsSingle(), first, high));
    }

    /// <summary>A piece of each of eight rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddEight(ref byte at, nint stride, ref float x, Vector256<float> sum)
    {
        LaneColumns.LoadEight(ref at, stride, out Vector256<int> c0, out Vector256<int> c1, out Vector256<int> c2, out Vector256<int> c3);
        sum = AddTwo(c0, ref x, sum);
        sum = AddTwo(c1, ref Unsafe.Add(ref x, 2), sum);
        sum = AddTwo(c2, ref Unsafe.Add(ref x, 4), sum);
        return AddTwo(c3, ref Unsafe.Add(ref x, 6), sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddTwo(Vector256<int> pair, ref float x, Vector256<float> sum)
    {
        Vector256<float> second = (pair & Vector256.Create(unchecked((int)0xFFFF0000))).AsSingle();
        return Vector256.FusedMultiplyAdd(second, Vector256.Create(Unsafe.Add(ref x, 1)), Vector256.FusedMultiplyAdd((pair << 16).AsSingle(), Vector256.Create(x), sum));
    }
}
