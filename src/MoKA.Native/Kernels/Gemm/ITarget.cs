namespace MoKA.Native.Kernels;

/// <summary>Where a product is written, tile by tile: rows of adjacent floats, or another layout of the same matrix.</summary>
internal interface ITarget
{
    /// <summary>A whole tile in place and the floats from row to row, or nothing when its rows are not adjacent floats.</summary>
    Span<float> Direct(int row, int rows, int column, int columns, out int stride);

    /// <summary>Copies a tile out to rows of <paramref name="width"/> floats.</summary>
    void Read(int row, int rows, int column, int columns, Span<float> tile, int width);

    /// <summary>Copies a tile in from rows of <paramref name="width"/> floats.</summary>
    void Write(int row, int rows, int column, int columns, ReadOnlySpan<float> tile, int width);
}

/// <summary>A matrix whose columns are adjacent.</summary>
internal readonly ref struct FloatTarget(MatrixSpan matrix) : ITarget
{
    private readonly MatrixSpan _matrix = matrix;

    public Span<float> Direct(int row, int rows, int column, int columns, out int stride)
    {
        stride = _matrix.RowStride;
        return _matrix.Data.Slice(row * stride + column, (rows - 1) * stride + columns);
    }

    public void Read(int row, int rows, int column, int columns, Span<float> tile, int width) =>
        BlockCopy.Run(_matrix.Data[(row * _matrix.RowStride + column)..], _matrix.RowStride, tile, width, rows, columns);

    public void Write(int row, int rows, int column, int columns, ReadOnlySpan<float> tile, int width) =>
        BlockCopy.Run(tile, width, _matrix.Data[(row * _matrix.RowStride + column)..], _matrix.RowStride, rows, columns);
}
