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

    public void Read(int row, int rows, int column, int columns, Span<float> tile, int width)
    {
        for (int i = 0; i < rows; i++) Place(row + i, column, columns).CopyTo(tile[(i * width)..]);
    }

    public void Write(int row, int rows, int column, int columns, ReadOnlySpan<float> tile, int width)
    {
        for (int i = 0; i < rows; i++) tile.Slice(i * width, columns).CopyTo(Place(row + i, column, columns));
    }

    private Span<float> Place(int row, int column, int columns) => _matrix.Data.Slice(row * _matrix.RowStride + column, columns);
}
