namespace MoKA.Native.Kernels;

/// <summary>
/// Rows of A as the tiles read them. The depth is cut into slabs of equal length; in each, the rows lie as panels
/// [kc, height], one below another: tall ones, and short ones for the last few rows. Written once, read by all threads.
/// </summary>
internal readonly ref struct PackedRows
{
    /// <summary>
    /// The most steps of k in a slab. A panel of B [2048, 32] is a quarter of a second-level cache, from which it streams as
    /// fast as the tile reads it. Shorter slabs touch C more often: where its rows are a power of two apart, its columns fit no cache.
    /// </summary>
    private const int MaxDepthOfSlab = 2048;

    private const int TallTilesPerPackingTask = 8;

    private readonly InstructionSet _set;
    private readonly int _firstDepth;
    private readonly int _depth;
    private readonly int _paddedRows;
    private readonly Span<float> _memory;

    /// <summary>Room for rows of A from <paramref name="firstDepth"/> on, <paramref name="depth"/> steps of k.</summary>
    public PackedRows(InstructionSet set, int rows, int firstDepth, int depth, Span<float> memory)
    {
        (_set, Rows, _firstDepth, _depth) = (set, rows, firstDepth, depth);
        _memory = memory;
        // A depth of zero is one slab of no steps: C still has to be written.
        Slabs = Math.Max(Ceiling.OfRatio(depth, MaxDepthOfSlab), 1);
        DepthOfSlab = Ceiling.OfRatio(depth, Slabs);
        Slabs = Math.Max(Ceiling.OfRatio(depth, Math.Max(DepthOfSlab, 1)), 1);
        _paddedRows = rows + GemmTile.TallHeight(set);
    }

    public int Rows { get; }

    public int Slabs { get; }

    public int DepthOfSlab { get; }

    public int TallTiles => Ceiling.OfRatio(Rows, GemmTile.TallHeight(_set));

    public int PackingTasks => Slabs * Ceiling.OfRatio(TallTiles, TallTilesPerPackingTask);

    /// <summary>How many floats the panels of rows [rows, depth] take at most.</summary>
    public static int Length(InstructionSet set, int rows, int depth) => checked((rows + GemmTile.TallHeight(set)) * depth);

    /// <summary>Where in k a slab begins, and its steps.</summary>
    public (int K, int Steps) Slab(int slab) => (_firstDepth + slab * DepthOfSlab, Math.Min(DepthOfSlab, _depth - slab * DepthOfSlab));

    public (int Slab, int First, int Last) PackingTask(int item)
    {
        int rowsPerTask = TallTilesPerPackingTask * GemmTile.TallHeight(_set), first = item / Slabs * rowsPerTask;
        return (item % Slabs, first, Math.Min(first + rowsPerTask, Rows));
    }

    /// <summary>Packs rows first .. last of one slab; <paramref name="firstRow"/> is row 0's place in <paramref name="a"/>, which gives the panels of Aᵀ.</summary>
    public void Pack<TLeft>(Worker worker, TLeft a, int slab, int first, int last, int firstRow) where TLeft : struct, IPanels, allows ref struct
    {
        (int k, int kc) = Slab(slab);
        for (int i = first, height; i < last; i += height)
        {
            height = GemmTile.Height(_set, Rows - i);
            a.Pack(worker, k, kc, firstRow + i, Math.Min(height, Rows - i), height, Memory(slab, i, height));
        }
    }

    /// <summary>The panel [kc, height] of the rows from <paramref name="row"/> on.</summary>
    public ReadOnlySpan<float> Panel(int slab, int row, int height) => Memory(slab, row, height);

    private Span<float> Memory(int slab, int row, int height)
    {
        (int k, int kc) = Slab(slab);
        return _memory.Slice(_paddedRows * (k - _firstDepth) + row * kc, height * kc);
    }
}
