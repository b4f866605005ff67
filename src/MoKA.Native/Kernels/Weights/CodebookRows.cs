using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// The largest magnitudes of a matrix's blocks: floats, or one byte each (double quantisation, QLoRA, arXiv 2305.14314,
/// section 3), magnitude = map[q] × nested[block / 256] + offset, the product rounded before the sum.
/// </summary>
internal readonly ref struct BlockMagnitudes
{
    private readonly ReadOnlySpan<float> _floats;
    private readonly ReadOnlySpan<byte> _codes;
    private readonly ReadOnlySpan<float> _map;
    private readonly ReadOnlySpan<float> _nested;
    private readonly int _nestedBlock;
    private readonly float _offset;

    public BlockMagnitudes(ReadOnlySpan<float> floats) => _floats = floats;

    public BlockMagnitudes(ReadOnlySpan<byte> codes, ReadOnlySpan<float> map, ReadOnlySpan<float> nested, int nestedBlock, float offset)
    {
        _codes = codes;
        _map = map;
        _nested = nested;
        (_nestedBlock, _offset) = (nestedBlock, offset);
    }

    public float this[int block]
    {
        get
        {
            if (_codes.IsEmpty) return _floats[block];
            float scaled = _map[_codes[block]] * _nested[block / _nestedBlock];
            return scaled + _offset;
        }
    }

    /// <summary>Writes the magnitudes of <paramref name="count"/> blocks from <paramref name="first"/> on, <paramref name="step"/> floats apart.</summary>
    [MethodImpl(Compiled.AtOnce)]
    public void CopyTo(int first, int count, Span<float> to, int step)
    {
        if (count == 0) return;
        if (_codes.IsEmpty)
        {
            for (int i = 0; i < count; i++) to[i * step] = _floats[first + i];
            return;
        }
        // The slices prove the bounds once, a byte any of 256 levels; the loop below then reads and writes without checks.
        ref float target = ref MemoryMarshal.GetReference(to[..((count - 1) * step + 1)]), map = ref MemoryMarshal.GetReference(_map[..256]);
        // One division for each run of blocks that share a nested scale, not for each block.
        for (int done = 0, some; done < count; done += some)
        {
            int block = first + done;
            some = Math.Min(_nestedBlock - block % _nestedBlock, count - done);
            float nested = _nested[block / _nestedBlock];
            float offset = _offset;
            foreach (byte code in _codes.Slice(block, some))
            {
                float scaled = Unsafe.Add(ref map, code) * nested;
                target = scaled + offset;
                target = ref Unsafe.Add(ref target, step);
            }
        }
    }
}

/// <summary>The rows of a matrix whose codes and blocks run through all of it, row after row, wherever rows begin.</summary>
internal readonly ref struct CodebookRows(Codebook codebook, ReadOnlySpan<byte> codes, BlockMagnitudes magnitudes, int blockSize, int columns) : IWeightRows
{
    private readonly ReadOnlySpan<byte> _codes = codes;
    private readonly BlockMagnitudes _magnitudes = magnitudes;

    [MethodImpl(Compiled.AtOnce)]
    public void Dequantize(int row, int column, Span<float> weights)
    {
        int first = checked(row * columns + column);
        for (int done = 0, count; done < weights.Length; done += count)
        {
            int at = first + done, block = at / blockSize;
            count = Math.Min(blockSize - at % blockSize, weights.Length - done);
            codebook.Dequantize(_codes, at, _magnitudes[block], weights.Slice(done, count));
        }
    }

    /// <summary>Writes the levels of a row from <paramref name="column"/> on, without their magnitudes.</summary>
    public void ReadLevels(int row, int column, Span<float> levels) => codebook.Dequantize(_codes, checked(row * columns + column), 1, levels);

    /// <summary>The levels as whole numbers.</summary>
    public IntegerLevels Levels => codebook.Integers;

    /// <summary>Weights that share a magnitude.</summary>
    public int BlockSize => blockSize;

    /// <summary>The codes of some rows, each a whole number of bytes.</summary>
    public ReadOnlySpan<byte> CodesOf(int row, int rows) => _codes.Slice(checked(row * columns) / 2, rows * (columns / 2));

    /// <summary>
    /// What a step of a whole level is worth, for so many columns of some rows of whole blocks: [blocks, <paramref name="width"/>] with
    /// zeros where there are fewer rows.
    /// </summary>
    public Span<float> UnitScales(Worker worker, int row, int rows, int column, int count, int width)
    {
        Span<float> scales = Scales(worker, row, rows, column, count, width);
        TensorPrimitives.Multiply(scales, IntegerLevels.Unit, scales);
        return scales;
    }

    /// <summary>The magnitudes of the same.</summary>
    private Span<float> Scales(Worker worker, int row, int rows, int column, int count, int width)
    {
        int blocksOfRow = columns / blockSize, first = column / blockSize, blocks = Ceiling.OfRatio(column + count, blockSize) - first;
        Span<float> scales = worker.Scratch(ScratchSlot.Dequantised, blocks * width)[..(blocks * width)];
        if (rows < width) scales.Clear();
        for (int i = 0; i < rows; i++) _magnitudes.CopyTo((row + i) * blocksOfRow + first, blocks, scales[i..], width);
        return scales;
    }

    public bool HasPieces => columns > 0 && columns % blockSize == 0;

    public void MultiplyRows(int row, scoped ReadOnlySpan<float> x, scoped Span<float> y, Worker worker)
    {
        int blocks = columns / blockSize, stride = columns / 2, end = checked(row + LaneRows.Rows) * stride;
        Span<float> scales = Scales(worker, row, LaneRows.Rows, 0, columns, LaneRows.Rows);
        ReadOnlySpan<byte> rows = LaneRows.Apart(worker, CodesOf(row, LaneRows.Rows), LaneRows.Rows, ref stride, stride);
        PieceRuns runs = new(blocks, blockSize / 2, blockSize / HighThenLowHalves.Weights);
        LaneRows.Multiply<HighThenLowHalves>(rows, stride, runs, codebook.Levels, scales, _codes[end..], x, y);
    }

    public void Prefetch(int row, int column, int count) => Kernels.Prefetch.Lines(_codes.Slice((row * columns + column) / 2, count / 2));
}
