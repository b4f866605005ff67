using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoKA.Native.Kernels;

/// <summary>
/// A matrix [depth, n] as its panels [kc, width], the only form in which the tiles read it: B by its columns, A by the
/// columns of Aᵀ.
/// </summary>
internal interface IPanels
{
    /// <summary>
    /// Writes rows k .. k + kc and columns first .. first + valid as <c>panel[p * width + j]</c>; columns from valid to
    /// width may hold anything finite.
    /// </summary>
    void Pack(Worker worker, int k, int kc, int first, int valid, int width, Span<float> panel);
}

/// <summary>Panels of a float matrix [k, n].</summary>
internal readonly ref struct FloatPanels(MatrixSpan matrix) : IPanels
{
    private readonly MatrixSpan _matrix = matrix;

    public void Pack(Worker worker, int k, int kc, int first, int valid, int width, Span<float> panel) =>
        Packing.Pack(_matrix.Block(k, kc, first, valid), width, panel);
}

/// <summary>Copies a strided block into a panel, transposing four, eight or, where a cache holds a line of each, sixteen columns at a time where the memory runs the other way.</summary>
internal static class Packing
{
    /// <summary>block [kc, valid] to <c>panel[p * width + j]</c>, columns from valid on filled with zeros.</summary>
    public static void Pack(MatrixSpan block, int width, Span<float> panel)
    {
        if (block.Columns < width) panel[..(block.Rows * width)].Clear();
        Copy(block, width, panel, 0);
    }

    /// <summary>block [kc, valid] to <c>panel[p * width + column + j]</c>; the other columns stay as they are.</summary>
    [MethodImpl(Compiled.AtOnce)]
    public static void Copy(MatrixSpan block, int width, Span<float> panel, int column)
    {
        (int kc, int valid) = (block.Rows, block.Columns);
        if (kc == 0 || valid == 0) return;
        if (block.ColumnStride == 1)
        {
            BlockCopy.Run(block.Data, block.RowStride, panel[column..], width, kc, valid);
            return;
        }
        if (block.RowStride == 1 && valid >= LaneColumns.Rows && Avx512F.IsSupported && !CacheSets.Overflow(block.ColumnStride * sizeof(float), LaneColumns.Rows))
        {
            for (int j = 0; j < valid; j += LaneColumns.Rows) TransposeSixteenColumns(block, Math.Min(j, valid - LaneColumns.Rows), width, panel, column);
            return;
        }
        if (block.RowStride == 1 && valid >= LaneColumns.Eight && Avx2.IsSupported)
        {
            for (int j = 0; j < valid; j += 8) TransposeEightColumns(block, Math.Min(j, valid - 8), width, panel, column);
            return;
        }
        if (block.RowStride == 1 && valid >= 4 && Sse.IsSupported)
        {
            // The last four may overlap those before: writing a number twice is cheaper than writing it alone.
            for (int j = 0; j < valid; j += 4) TransposeFourColumns(block, Math.Min(j, valid - 4), width, panel, column);
            return;
        }
        for (int j = 0; j < valid; j++)
            for (int p = 0; p < kc; p++) panel[p * width + column + j] = block.At(p, j);
    }

    /// <summary>
    /// Columns j .. j + 8, each adjacent in memory along k, become eight adjacent floats per step of k: a register holds
    /// four steps of one column and of the fourth after it, and both halves are transposed at once.
    /// </summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void TransposeEightColumns(MatrixSpan block, int j, int width, Span<float> panel, int column)
    {
        (int kc, int stride) = (block.Rows, block.ColumnStride);
        // The slices prove the bounds once; the loop below then reads and writes without checks.
        ref float from = ref MemoryMarshal.GetReference(block.Data.Slice(j * stride, 7 * stride + kc));
        ref float to = ref MemoryMarshal.GetReference(panel.Slice(column + j, (kc - 1) * width + 8));
        int p = 0;
        for (; p + 4 <= kc; p += 4)
        {
            LaneColumns.LoadEight(ref Unsafe.As<float, byte>(ref Unsafe.Add(ref from, p)), stride * (nint)sizeof(float), out Vector256<int> step0, out Vector256<int> step1, out Vector256<int> step2, out Vector256<int> step3);
            step0.AsSingle().StoreUnsafe(ref to, (nuint)(p * width));
            step1.AsSingle().StoreUnsafe(ref to, (nuint)((p + 1) * width));
            step2.AsSingle().StoreUnsafe(ref to, (nuint)((p + 2) * width));
            step3.AsSingle().StoreUnsafe(ref to, (nuint)((p + 3) * width));
        }
        for (; p < kc; p++)
            for (int c = 0; c < 8; c++) Unsafe.Add(ref to, p * width + c) = Unsafe.Add(ref from, p + c * stride);
    }

    /// <summary>The same for sixteen, four steps of each in a quarter of a register.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void TransposeSixteenColumns(MatrixSpan block, int j, int width, Span<float> panel, int column)
    {
        const int columns = LaneColumns.Rows;
        (int kc, nint stride) = (block.Rows, block.ColumnStride * (nint)sizeof(float));
        // The slices prove the bounds once; the loops below then read and write without checks.
        ref float from = ref MemoryMarshal.GetReference(block.Data.Slice(j * block.ColumnStride, (columns - 1) * block.ColumnStride + kc));
        ref float to = ref MemoryMarshal.GetReference(panel.Slice(column + j, (kc - 1) * width + columns));
        int p = 0;
        for (; p + 4 <= kc; p += 4)
        {
            LaneColumns.Load(ref Unsafe.As<float, byte>(ref Unsafe.Add(ref from, p)), stride, out Vector512<int> step0, out Vector512<int> step1, out Vector512<int> step2, out Vector512<int> step3);
            step0.AsSingle().StoreUnsafe(ref to);
            step1.AsSingle().StoreUnsafe(ref to, (nuint)width);
            step2.AsSingle().StoreUnsafe(ref to, (nuint)(2 * width));
            step3.AsSingle().StoreUnsafe(ref to, (nuint)(3 * width));
            to = ref Unsafe.Add(ref to, 4 * width);
        }
        for (; p < kc; p++)
        {
            for (int c = 0; c < columns; c++) Unsafe.Add(ref to, c) = Unsafe.Add(ref from, p + c * block.ColumnStride);
            to = ref Unsafe.Add(ref to, width);
        }
    }

    /// <summary>Columns j .. j + 4, each adjacent in memory along k, become four adjacent floats per step of k.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private static void TransposeFourColumns(MatrixSpan block, int j, int width, Span<float> panel, int column)
    {
        int kc = block.Rows;
        // The slices prove the bounds once; the loop below then reads and writes without checks.
        ref float c0 = ref MemoryMarshal.GetReference(block.Data.Slice(j * block.ColumnStride, kc));
        ref float c1 = ref MemoryMarshal.GetReference(block.Data.Slice((j + 1) * block.ColumnStride, kc));
        ref float c2 = ref MemoryMarshal.GetReference(block.Data.Slice((j + 2) * block.ColumnStride, kc));
        ref float c3 = ref MemoryMarshal.GetReference(block.Data.Slice((j + 3) * block.ColumnStride, kc));
        ref float to = ref MemoryMarshal.GetReference(panel.Slice(column, (kc - 1) * width + block.Columns));
        int p = 0;
        for (; p + 4 <= kc; p += 4)
        {
            Vector128<float> v0 = Vector128.LoadUnsafe(ref c0, (nuint)p), v1 = Vector128.LoadUnsafe(ref c1, (nuint)p);
            Vector128<float> v2 = Vector128.LoadUnsafe(ref c2, (nuint)p), v3 = Vector128.LoadUnsafe(ref c3, (nuint)p);
            Vector128<float> low01 = Sse.UnpackLow(v0, v1), low23 = Sse.UnpackLow(v2, v3);
            Vector128<float> high01 = Sse.UnpackHigh(v0, v1), high23 = Sse.UnpackHigh(v2, v3);
            Sse.MoveLowToHigh(low01, low23).StoreUnsafe(ref to, (nuint)(p * width + j));
            Sse.MoveHighToLow(low23, low01).StoreUnsafe(ref to, (nuint)((p + 1) * width + j));
            Sse.MoveLowToHigh(high01, high23).StoreUnsafe(ref to, (nuint)((p + 2) * width + j));
            Sse.MoveHighToLow(high23, high01).StoreUnsafe(ref to, (nuint)((p + 3) * width + j));
        }
        for (; p < kc; p++)
        {
            ref float at = ref Unsafe.Add(ref to, p * width + j);
            at = Unsafe.Add(ref c0, p);
            Unsafe.Add(ref at, 1) = Unsafe.Add(ref c1, p);
            Unsafe.Add(ref at, 2) = Unsafe.Add(ref c2, p);
            Unsafe.Add(ref at, 3) = Unsafe.Add(ref c3, p);
        }
    }
}
