using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// The scales of rows that lie side by side in the lanes of registers (<see cref="RowStreams"/>), the next rows' found piece by
/// piece while these are multiplied: memory, which decides how long that takes, would stand idle meanwhile.
/// </summary>
internal ref struct RowScales
{
    private readonly BlockMagnitudes _magnitudes;
    private readonly float _unit;
    private readonly int _lanes, _blocks, _width;
    private readonly Span<float> _scales, _ofRows;
    private int _row, _apart, _done;

    /// <summary>For so many rows at a time, each of so many blocks, magnitudes times <paramref name="unit"/>.</summary>
    public RowScales(BlockMagnitudes magnitudes, float unit, int lanes, int blocks, int width, Worker worker)
    {
        _magnitudes = magnitudes;
        (_unit, _lanes, _blocks, _width) = (unit, lanes, blocks, width);
        Span<float> room = worker.Scratch(ScratchSlot.Dequantised, blocks * (width + lanes));
        _scales = room[..(blocks * width)];
        _ofRows = room[_scales.Length..];
    }

    /// <summary>Begins with rows from <paramref name="row"/> on, <paramref name="apart"/> from each other.</summary>
    public void Start(int row, int apart)
    {
        (_row, _apart, _done) = (row, apart, 0);
        for (int lane = 0; lane < _lanes; lane++) _magnitudes.Prefetch((row + lane * apart) * _blocks, _blocks);
    }

    /// <summary>Finds so many more, if they are left.</summary>
    [MethodImpl(Compiled.AtOnce)]
    public void Find(int count)
    {
        for (int end = Math.Min(_done + count, _ofRows.Length), some; _done < end; _done += some)
        {
            int lane = _done / _blocks, block = _done - lane * _blocks;
            some = Math.Min(end - _done, _blocks - block);
            _magnitudes.CopyTo((_row + lane * _apart) * _blocks + block, _unit, _ofRows.Slice(_done, some));
        }
    }

    /// <summary>Finds all that are left and gives them as [blocks, width], zeros where there are fewer rows; good until the next call.</summary>
    public Span<float> Finish()
    {
        Find(_ofRows.Length - _done);
        Packing.Pack(new MatrixSpan(_ofRows, _lanes, _blocks).Transposed, _width, _scales);
        return _scales;
    }
}
