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

/// <summary>Copies a strided block into a panel, transposing four by four where the memory runs the other way.</summary>
internal static class Packing
{
    /// <summary>block [kc, valid] to <c>panel[p * width + j]</c>, columns from valid on filled with zeros.</summary>
    public static void Pack(MatrixSpan block, int width, Span<float> panel)
    {
        if (block.Columns < width) panel[..(block.Rows * width)].Clear();
        Copy(block, width, panel, 0);
    }

    /// <summary>block [kc, valid] to <c>panel[p * width + column + j]</c>; the other columns stay as they are.</summary>
    public static void Copy(MatrixSpan block, int width, Span<float> panel, int column)
    {
        (int kc, int valid) = (block.Rows, block.Columns);
        if (kc == 0 || valid == 0) return;
        if (block.ColumnStride == 1)
        {
            CopyRows(block, width, panel, column);
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

    private static void CopyRows(MatrixSpan block, int width, Span<float> panel, int column)
    {
        (int kc, int valid) = (block.Rows, block.Columns);
        ref float from = ref MemoryMarshal.GetReference(block.Data[..((kc - 1) * block.RowStride + valid)]);
        ref float to = ref MemoryMarshal.GetReference(panel.Slice(column, (kc - 1) * width + valid));
        if (valid < Vector256<float>.Count)
        {
            for (int p = 0; p < kc; p++)
                for (int j = 0; j < valid; j++) Unsafe.Add(ref to, p * width + j) = Unsafe.Add(ref from, p * block.RowStride + j);
            return;
        }
        for (int p = 0; p < kc; p++)
        {
            ref float row = ref Unsafe.Add(ref from, p * block.RowStride), place = ref Unsafe.Add(ref to, p * width);
            // The last eight may overlap those before, as below.
            for (int j = 0; j < valid; j += Vector256<float>.Count)
            {
                nuint at = (nuint)Math.Min(j, valid - Vector256<float>.Count);
                Vector256.LoadUnsafe(ref row, at).StoreUnsafe(ref place, at);
            }
        }
    }

    /// <summary>Columns j .. j + 4, each adjacent in memory along k, become four adjacent floats per step of k.</summary>
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
