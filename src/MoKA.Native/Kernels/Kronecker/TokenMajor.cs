using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// A block of tokens [tokens, groups, width] as the matrix [groups, tokens * width], the same group of all tokens side by
/// side: a matrix over groups then multiplies all tokens in one product, and nothing is copied to get there. Element
/// (g, t width + w) is data[(t groups + g) width + w].
/// </summary>
internal readonly ref struct TokenMajor(Span<float> data, int tokens, int groups, int width) : ITarget
{
    private readonly Span<float> _data = data;

    public int Tokens => tokens;

    public int Width => width;

    public int Rows => groups;

    public int Columns => tokens * width;

    /// <summary>From one token's floats to the next one's.</summary>
    public int TokenLength => groups * width;

    /// <summary>A token's groups [groups, width]; the later tokens lie behind them.</summary>
    public MatrixSpan TokensFrom(int token) => new(_data[(token * TokenLength)..], groups, width);

    /// <summary>Panels of the matrix: 32 columns of each group.</summary>
    public ColumnPanels ByColumns => new(this);

    /// <summary>Panels of its transpose [tokens * width, groups].</summary>
    public RowPanels ByRows => new(this);

    public Span<float> Direct(int row, int rows, int column, int columns, out int stride)
    {
        (int token, int w) = Math.DivRem(column, width);
        stride = width;
        return w + columns <= width ? _data.Slice((token * groups + row) * width + w, (rows - 1) * width + columns) : default;
    }

    [MethodImpl(Compiled.AtOnce)]
    public void Read(int row, int rows, int column, int columns, Span<float> tile, int tileWidth)
    {
        for (int j = 0, run; j < columns; j += run)
        {
            MatrixSpan part = Run(row, rows, column + j, columns - j, out run);
            BlockCopy.Run(part.Data, width, tile[j..], tileWidth, rows, run);
        }
    }

    [MethodImpl(Compiled.AtOnce)]
    public void Write(int row, int rows, int column, int columns, ReadOnlySpan<float> tile, int tileWidth)
    {
        for (int j = 0, run; j < columns; j += run)
        {
            MatrixSpan part = Run(row, rows, column + j, columns - j, out run);
            BlockCopy.Run(tile[j..], tileWidth, part.Data, width, rows, run);
        }
    }

    /// <summary>The columns from one on that belong to the same token, at most <paramref name="most"/> of them.</summary>
    private MatrixSpan Run(int row, int rows, int column, int most, out int run)
    {
        (int token, int w) = Math.DivRem(column, width);
        run = Math.Min(width - w, most);
        int start = (token * groups + row) * width + w;
        return new MatrixSpan(rows == 0 ? default : _data.Slice(start, (rows - 1) * width + run), rows, run, width, 1);
    }

    internal readonly ref struct ColumnPanels(TokenMajor matrix) : IPanels
    {
        private readonly TokenMajor _matrix = matrix;

        [MethodImpl(Compiled.AtOnce)]
        public void Pack(Worker worker, int k, int kc, int first, int valid, int width, Span<float> panel)
        {
            if (valid < width) panel[..(kc * width)].Clear();
            for (int j = 0, run; j < valid; j += run)
                Packing.Copy(_matrix.Run(k, kc, first + j, valid - j, out run), width, panel, j);
        }
    }

    internal readonly ref struct RowPanels(TokenMajor matrix) : IPanels
    {
        private readonly TokenMajor _matrix = matrix;

        [MethodImpl(Compiled.AtOnce)]
        public void Pack(Worker worker, int k, int kc, int first, int valid, int width, Span<float> panel)
        {
            if (valid < width) panel[..(kc * width)].Clear();
            for (int p = 0, run; p < kc; p += run)
                Packing.Copy(_matrix.Run(first, valid, k + p, kc - p, out run).Transposed, width, panel[(p * width)..], 0);
        }
    }
}
