using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MoKA.Native.Kernels;

/// <summary>A token times 32 rows of BF16, in the lanes of two registers: <see cref="LaneRows"/> for weights that need no look-up. AVX-512 alone.</summary>
internal static class HalfRows
{
    /// <summary>Rows at a time: fewer than <see cref="LaneRows.Rows"/>, since memory is what they wait for.</summary>
    public const int Rows = 2 * LaneColumns.Rows;

    /// <summary>With more tokens it takes less time to pack panels and to multiply those.</summary>
    public const int FewTokens = 4;

    /// <summary>Bytes of each row that are copied apart at a time: those of 32 rows fit a first-level cache.</summary>
    private const int BytesApart = 512;

    private const int Lanes = LaneColumns.Rows, Piece = LaneRows.Piece, WeightsOfPiece = Piece / sizeof(ushort);

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
            Multiply(piece, stride, some / Piece, ref ahead, apart, x[(at / sizeof(ushort))..], y);
        }
    }

    /// <summary>So many pieces of each row; rows begin <paramref name="stride"/> bytes apart, and where memory is asked for <paramref name="sourceStride"/>.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void Multiply(ReadOnlySpan<byte> rows, int stride, int pieces, ref byte ahead, nint sourceStride, ReadOnlySpan<float> x, Span<float> y)
    {
        // The slices prove the bounds once; the loop then reads without checks.
        ref byte at = ref MemoryMarshal.GetReference(rows[..((Rows - 1) * stride + pieces * Piece)]);
        ref float values = ref MemoryMarshal.GetReference(x[..(pieces * WeightsOfPiece)]);
        Vector512<float> low = Vector512.Create<float>(y), high = Vector512.Create<float>(y[Lanes..]);
        for (int p = 0; p < pieces; p++)
        {
            // A line is four pieces: a quarter of the streams is asked for at each.
            ref byte quarter = ref Unsafe.Add(ref ahead, p * Piece + (p & 3) * (Rows / 4) * sourceStride);
            Prefetch.FourRows(ref quarter, sourceStride);
            Prefetch.FourRows(ref Unsafe.Add(ref quarter, 4 * sourceStride), sourceStride);
            LaneColumns.Load(ref at, stride, out Vector512<int> a0, out Vector512<int> a1, out Vector512<int> a2, out Vector512<int> a3);
            LaneColumns.Load(ref Unsafe.Add(ref at, Lanes * (nint)stride), stride, out Vector512<int> b0, out Vector512<int> b1, out Vector512<int> b2, out Vector512<int> b3);
            AddTwo(a0, b0, ref values, ref low, ref high);
            AddTwo(a1, b1, ref Unsafe.Add(ref values, 2), ref low, ref high);
            AddTwo(a2, b2, ref Unsafe.Add(ref values, 4), ref low, ref high);
            AddTwo(a3, b3, ref Unsafe.Add(ref values, 6), ref low, ref high);
            at = ref Unsafe.Add(ref at, Piece);
            values = ref Unsafe.Add(ref values, WeightsOfPiece);
        }
        low.CopyTo(y);
        high.CopyTo(y[Lanes..]);
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
}
