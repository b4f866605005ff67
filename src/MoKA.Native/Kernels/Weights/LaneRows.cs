using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

/// <summary>
/// One token times 32 rows of a stored weight, in float: rows lie side by side in the lanes of two registers, and 16 bytes of
/// each are turned into weights there. The order of the sum and each rounding are those of the product with the dequantised
/// rows, and so are the bits. AVX-512 alone. See Int4.md.
/// </summary>
internal static class LaneRows
{
    /// <summary>Rows at a time.</summary>
    public const int Rows = 32;

    /// <summary>Bytes of a row between two looks at memory.</summary>
    public const int Piece = 16;

    /// <summary>Bytes of each row that are copied apart at a time where that can be chosen: 32 rows of them fit a first-level cache.</summary>
    public const int BytesApart = 512;

    private const int Lanes = 16;

    /// <summary>
    /// y [32] += W x. The 16 bytes of piece p of row r begin at byte r stride + p step; scales lie as [⌈pieces / piecesOfScale⌉, 32].
    /// The rows that come next are asked for on the way.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)] // inside its callers the compiler runs out of registers
    public static void Multiply<TPiece>(ReadOnlySpan<byte> rows, int stride, int step, int pieces, ReadOnlySpan<float> levels, ReadOnlySpan<float> scales, int piecesOfScale, ReadOnlySpan<byte> next, ReadOnlySpan<float> x, Span<float> y)
        where TPiece : struct, IPiece
    {
        // The slices prove the bounds once; the loop then reads without checks.
        ref byte first = ref MemoryMarshal.GetReference(rows[..((Rows - 1) * stride + (pieces - 1) * step + Piece)]);
        ref float values = ref MemoryMarshal.GetReference(x[..(pieces * TPiece.Weights)]);
        ref float scale = ref MemoryMarshal.GetReference(scales[..(Ceiling.OfRatio(pieces, piecesOfScale) * Rows)]);
        Vector512<float> table = Vector512.Create(levels), low = Vector512.Create<float>(y), high = Vector512.Create<float>(y[Lanes..]);
        for (int p = 0; p < pieces; p++)
        {
            ref byte at = ref Unsafe.Add(ref first, p * step);
            if ((p + 1) * Rows * step <= next.Length) Prefetch.Lines(next.Slice(p * Rows * step, Rows * step));
            ref float own = ref Unsafe.Add(ref scale, p / piecesOfScale * Rows);
            Columns(ref at, stride, out Vector512<int> a0, out Vector512<int> a1, out Vector512<int> a2, out Vector512<int> a3);
            Columns(ref Unsafe.Add(ref at, Lanes * stride), stride, out Vector512<int> b0, out Vector512<int> b1, out Vector512<int> b2, out Vector512<int> b3);
            Vector512<float> lowScale = Vector512.LoadUnsafe(ref own), highScale = Vector512.LoadUnsafe(ref own, Lanes);
            ref float some = ref Unsafe.Add(ref values, p * TPiece.Weights);
            TPiece.Add(a0, a1, a2, a3, table, lowScale, ref some, ref low);
            TPiece.Add(b0, b1, b2, b3, table, highScale, ref some, ref high);
        }
        low.CopyTo(y);
        high.CopyTo(y[Lanes..]);
    }

    /// <summary>
    /// Some bytes of each row, copied apart where the rows' distance is a multiple of a kilobyte: such rows share a few sets of
    /// the first-level cache, too few for a line of each to stay until all of it is read.
    /// </summary>
    public static ReadOnlySpan<byte> Apart(Worker worker, ReadOnlySpan<byte> rows, scoped ref int stride, int bytes)
    {
        const int aliasing = 1024, line = 64;
        if (stride % aliasing != 0) return rows;
        int from = stride, to = Ceiling.OfRatio(bytes, line) * line + line;
        Span<byte> copy = MemoryMarshal.AsBytes(worker.Scratch(ScratchSlot.PanelOfB, Rows * to / sizeof(float)));
        for (int row = 0; row < Rows; row++) rows.Slice(row * from, bytes).CopyTo(copy[(row * to)..]);
        stride = to;
        return copy;
    }

    /// <summary>16 bytes of each of sixteen rows as four registers: integer i of every row, in the order of the rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Columns(ref byte at, int stride, out Vector512<int> c0, out Vector512<int> c1, out Vector512<int> c2, out Vector512<int> c3)
    {
        Vector512<int> p = FourRows(ref at, 0, stride), q = FourRows(ref at, 1, stride), r = FourRows(ref at, 2, stride), s = FourRows(ref at, 3, stride);
        Vector512<long> pq = Avx512F.UnpackLow(p, q).AsInt64(), rs = Avx512F.UnpackLow(r, s).AsInt64(), pqHigh = Avx512F.UnpackHigh(p, q).AsInt64(), rsHigh = Avx512F.UnpackHigh(r, s).AsInt64();
        c0 = Avx512F.UnpackLow(pq, rs).AsInt32();
        c1 = Avx512F.UnpackHigh(pq, rs).AsInt32();
        c2 = Avx512F.UnpackLow(pqHigh, rsHigh).AsInt32();
        c3 = Avx512F.UnpackHigh(pqHigh, rsHigh).AsInt32();
    }

    /// <summary>Rows j, j + 4, j + 8 and j + 12, each a quarter of the register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> FourRows(ref byte at, int j, int stride) => Vector512.Create(
        Vector256.Create(Row(ref at, j * stride), Row(ref at, (j + 4) * stride)),
        Vector256.Create(Row(ref at, (j + 8) * stride), Row(ref at, (j + 12) * stride)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Row(ref byte at, int offset) => Vector128.LoadUnsafe(ref at, (nuint)offset).AsInt32();
}

/// <summary>What 16 bytes of a row stand for.</summary>
internal interface IPiece
{
    /// <summary>How many weights.</summary>
    static abstract int Weights { get; }

    /// <summary>Adds weight × x for the weights of each lane, in order; integers c0 .. c3 are the row's bytes.</summary>
    static abstract void Add(Vector512<int> c0, Vector512<int> c1, Vector512<int> c2, Vector512<int> c3, Vector512<float> table, Vector512<float> scale, ref float x, ref Vector512<float> sum);
}

/// <summary>Q4_0: 4-bit codes, the low halves of all bytes, then the high halves. A code's level is looked up and scaled.</summary>
internal readonly struct LowThenHighHalves : IPiece
{
    public static int Weights => 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(Vector512<int> c0, Vector512<int> c1, Vector512<int> c2, Vector512<int> c3, Vector512<float> table, Vector512<float> scale, ref float x, ref Vector512<float> sum)
    {
        AddFour(c0, table, scale, ref x, ref sum);
        AddFour(c1, table, scale, ref Unsafe.Add(ref x, 4), ref sum);
        AddFour(c2, table, scale, ref Unsafe.Add(ref x, 8), ref sum);
        AddFour(c3, table, scale, ref Unsafe.Add(ref x, 12), ref sum);
        AddFour(c0 >>> 4, table, scale, ref Unsafe.Add(ref x, 16), ref sum);
        AddFour(c1 >>> 4, table, scale, ref Unsafe.Add(ref x, 20), ref sum);
        AddFour(c2 >>> 4, table, scale, ref Unsafe.Add(ref x, 24), ref sum);
        AddFour(c3 >>> 4, table, scale, ref Unsafe.Add(ref x, 28), ref sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddFour(Vector512<int> codes, Vector512<float> table, Vector512<float> scale, ref float x, ref Vector512<float> sum)
    {
        // A look-up reads the low four bits of an index alone.
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes) * scale, Vector512.Create(x), sum);
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes >>> 8) * scale, Vector512.Create(Unsafe.Add(ref x, 1)), sum);
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes >>> 16) * scale, Vector512.Create(Unsafe.Add(ref x, 2)), sum);
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes >>> 24) * scale, Vector512.Create(Unsafe.Add(ref x, 3)), sum);
    }
}

/// <summary>NF4 and FP4: 4-bit codes, the high half of each byte, then its low half.</summary>
internal readonly struct HighThenLowHalves : IPiece
{
    public static int Weights => 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(Vector512<int> c0, Vector512<int> c1, Vector512<int> c2, Vector512<int> c3, Vector512<float> table, Vector512<float> scale, ref float x, ref Vector512<float> sum)
    {
        AddEight(c0, table, scale, ref x, ref sum);
        AddEight(c1, table, scale, ref Unsafe.Add(ref x, 8), ref sum);
        AddEight(c2, table, scale, ref Unsafe.Add(ref x, 16), ref sum);
        AddEight(c3, table, scale, ref Unsafe.Add(ref x, 24), ref sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddEight(Vector512<int> codes, Vector512<float> table, Vector512<float> scale, ref float x, ref Vector512<float> sum)
    {
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes >>> 4) * scale, Vector512.Create(x), sum);
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes) * scale, Vector512.Create(Unsafe.Add(ref x, 1)), sum);
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes >>> 12) * scale, Vector512.Create(Unsafe.Add(ref x, 2)), sum);
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes >>> 8) * scale, Vector512.Create(Unsafe.Add(ref x, 3)), sum);
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes >>> 20) * scale, Vector512.Create(Unsafe.Add(ref x, 4)), sum);
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes >>> 16) * scale, Vector512.Create(Unsafe.Add(ref x, 5)), sum);
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes >>> 28) * scale, Vector512.Create(Unsafe.Add(ref x, 6)), sum);
        sum = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes >>> 24) * scale, Vector512.Create(Unsafe.Add(ref x, 7)), sum);
    }
}

/// <summary>BF16: a float's upper half in every two bytes; no levels, no scale.</summary>
internal readonly struct UpperHalvesOfFloats : IPiece
{
    public static int Weights => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(Vector512<int> c0, Vector512<int> c1, Vector512<int> c2, Vector512<int> c3, Vector512<float> table, Vector512<float> scale, ref float x, ref Vector512<float> sum)
    {
        AddTwo(c0, ref x, ref sum);
        AddTwo(c1, ref Unsafe.Add(ref x, 2), ref sum);
        AddTwo(c2, ref Unsafe.Add(ref x, 4), ref sum);
        AddTwo(c3, ref Unsafe.Add(ref x, 6), ref sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTwo(Vector512<int> halves, ref float x, ref Vector512<float> sum)
    {
        sum = Vector512.FusedMultiplyAdd((halves << 16).AsSingle(), Vector512.Create(x), sum);
        sum = Vector512.FusedMultiplyAdd((halves & Vector512.Create(unchecked((int)0xFFFF0000))).AsSingle(), Vector512.Create(Unsafe.Add(ref x, 1)), sum);
    }
}
