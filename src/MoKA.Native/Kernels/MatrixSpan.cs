using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// A matrix [rows, columns] over floats: element (i, j) is Data[i * RowStride + j * ColumnStride]. A transpose swaps the
/// strides, a head of an attention layer is a column range; neither moves data.
/// </summary>
internal readonly ref struct MatrixSpan(Span<float> data, int rows, int columns, int rowStride, int columnStride)
{
    public MatrixSpan(Span<float> data, int rows, int columns) : this(data, rows, columns, columns, 1) { }

    public readonly Span<float> Data = data;
    public readonly int Rows = rows;
    public readonly int Columns = columns;
    public readonly int RowStride = rowStride;
    public readonly int ColumnStride = columnStride;

    public MatrixSpan Transposed => new(Data, Columns, Rows, ColumnStride, RowStride);

    /// <summary>The block of <paramref name="rows"/> x <paramref name="columns"/> that begins at (row, column).</summary>
    public MatrixSpan Block(int row, int rows, int column, int columns)
    {
        int start = rows == 0 || columns == 0 ? 0 : row * RowStride + column * ColumnStride;
        return new MatrixSpan(Data[start..], rows, columns, RowStride, ColumnStride);
    }

    public MatrixSpan RowRange(int row, int rows) => Block(row, rows, 0, Columns);

    /// <summary>Row i of a matrix whose columns are adjacent.</summary>
    public Span<float> Row(int i) => Data.Slice(i * RowStride, Columns);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref float At(int i, int j) => ref Data[i * RowStride + j * ColumnStride];
}
