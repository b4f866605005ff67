using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

/// <summary>Copies a block of rows from one distance between rows to another; made for blocks of a few rows and columns.</summary>
internal static class BlockCopy
{
    /// <summary>Of a panel on AVX-512, and on AVX2.</summary>
    private const int ColumnsOfWidePanel = 32, ColumnsOfPanel = 16;

    /// <summary>Rows by which a panel's are asked for early.</summary>
    private const int RowsAhead = 8;

    /// <summary>Copies a matrix of adjacent columns into another of the same shape.</summary>
    public static void Run(MatrixSpan from, MatrixSpan to) => Run(from.Data, from.RowStride, to.Data, to.RowStride, from.Rows, from.Columns);

    /// <summary>to[i * toStride + j] = from[i * fromStride + j] for i below rows and j below columns.</summary>
    [MethodImpl(Compiled.AtOnce)]
    public static void Run(ReadOnlySpan<float> from, int fromStride, Span<float> to, int toStride, int rows, int columns)
    {
        if (rows == 0 || columns == 0) return;
        // The slices prove the bounds once; the loops below then read and write without checks.
        ref float source = ref MemoryMarshal.GetReference(from[..((rows - 1) * fromStride + columns)]);
        ref float target = ref MemoryMarshal.GetReference(to[..((rows - 1) * toStride + columns)]);
        if (columns == ColumnsOfWidePanel && Avx512F.IsSupported)
        {
            CopyWidePanel(ref source, fromStride, ref target, toStride, rows);
            return;
        }
        if (columns == ColumnsOfPanel && Avx2.IsSupported && !Avx512F.IsSupported)
        {
            CopyPanel(ref source, fromStride, ref target, toStride, rows);
            return;
        }
        for (int i = 0; i < rows; i++)
        {
            if (columns >= Vector256<float>.Count) CopyWide(ref source, ref target, columns);
            else
                for (int j = 0; j < columns; j++) Unsafe.Add(ref target, j) = Unsafe.Add(ref source, j);
            source = ref Unsafe.Add(ref source, fromStride);
            target = ref Unsafe.Add(ref target, toStride);
        }
    }

    /// <summary>
    /// Two whole lines of each row: what a cache does not hold comes, and goes, in as few pieces as there are. Rows of a wide
    /// matrix are pages apart, which the processor does not foresee: later rows are asked for, and the next panel's part of each row.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyWidePanel(ref float source, nint fromStride, ref float target, nint toStride, int rows)
    {
        for (int i = 0; i < rows; i++)
        {
            Prefetch.TwoLines(ref Unsafe.As<float, byte>(ref Unsafe.Add(ref source, RowsAhead * fromStride)));
            Prefetch.TwoLines(ref Unsafe.As<float, byte>(ref Unsafe.Add(ref source, ColumnsOfWidePanel)));
            Vector512<float> left = Vector512.LoadUnsafe(ref source), right = Vector512.LoadUnsafe(ref source, (nuint)Vector512<float>.Count);
            left.StoreUnsafe(ref target);
            right.StoreUnsafe(ref target, (nuint)Vector512<float>.Count);
            source = ref Unsafe.Add(ref source, fromStride);
            target = ref Unsafe.Add(ref target, toStride);
        }
    }

    /// <summary>The same with one line of each row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyPanel(ref float source, nint fromStride, ref float target, nint toStride, int rows)
    {
        for (int i = 0; i < rows; i++)
        {
            Prefetch.Lines(ref Unsafe.As<float, byte>(ref Unsafe.Add(ref source, RowsAhead * fromStride)), Prefetch.Line);
            Prefetch.Lines(ref Unsafe.As<float, byte>(ref Unsafe.Add(ref source, ColumnsOfPanel)), Prefetch.Line);
            Vector256<float> left = Vector256.LoadUnsafe(ref source), right = Vector256.LoadUnsafe(ref source, (nuint)Vector256<float>.Count);
            left.StoreUnsafe(ref target);
            right.StoreUnsafe(ref target, (nuint)Vector256<float>.Count);
            source = ref Unsafe.Add(ref source, fromStride);
            target = ref Unsafe.Add(ref target, toStride);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyWide(ref float source, ref float target, int columns)
    {
        int last = columns - Vector256<float>.Count, j = 0;
        for (; j < last; j += Vector256<float>.Count) Vector256.LoadUnsafe(ref source, (nuint)j).StoreUnsafe(ref target, (nuint)j);
        // The last eight may overlap those before: writing a number twice is cheaper than writing it alone.
        Vector256.LoadUnsafe(ref source, (nuint)last).StoreUnsafe(ref target, (nuint)last);
    }
}
