using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

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

    /// <summary>Writes the magnitudes of the blocks from <paramref name="first"/> on.</summary>
    [MethodImpl(Compiled.AtOnce)]
    public void CopyTo(int first, Span<float> to)
    {
        if (_codes.IsEmpty)
        {
            _floats.Slice(first, to.Length).CopyTo(to);
            return;
        }
        // One division for each run of blocks that share a nested scale, not for each block.
        for (int done = 0, some; done < to.Length; done += some)
        {
            int block = first + done;
            some = Math.Min(_nestedBlock - block % _nestedBlock, to.Length - done);
            LookUp(_codes.Slice(block, some), _nested[block / _nestedBlock], to.Slice(done, some));
        }
    }

    /// <summary>map[q] × nested + offset for each code q.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private unsafe void LookUp(ReadOnlySpan<byte> codes, float nested, Span<float> to)
    {
        // The slices prove the bounds once, a byte any of 256 levels; the loops then read and write without checks.
        fixed (byte* code = codes)
        fixed (float* target = to[..codes.Length], map = _map[..256])
        {
            int i = 0;
            if (Avx2.IsSupported)
                for (; i + 8 <= codes.Length; i += 8)
                {
                    Vector256<float> scaled = Avx2.GatherVector256(map, Avx2.ConvertToVector256Int32(code + i), sizeof(float)) * nested;
                    (scaled + Vector256.Create(_offset)).Store(target + i);
                }
            for (; i < codes.Length; i++)
            {
                float scaled = map[code[i]] * nested;
                target[i] = scaled + _offset;
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
            // A block's size is a power of two.
            int at = first + done, block = at >> BitOperations.Log2((uint)blockSize);
            count = Math.Min(blockSize - (at & (blockSize - 1)), weights.Length - done);
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
    /// What a step of a whole level is worth, for so many columns of some rows of whole blocks, <paramref name="apart"/> rows from each
    /// other: [blocks, <paramref name="width"/>] with zeros where there are fewer rows.
    /// </summary>
    public Span<float> UnitScales(Worker worker, int row, int apart, int rows, int column, int count, int width)
    {
        Span<float> scales = Scales(worker, row, apart, rows, column, count, width);
        TensorPrimitives.Multiply(scales, IntegerLevels.Unit, scales);
        return scales;
    }

    /// <summary>The magnitudes of the same.</summary>
    private Span<float> Scales(Worker worker, int row, int apart, int rows, int column, int count, int width)
    {
        int blocksOfRow = columns / blockSize, first = column / blockSize, blocks = Ceiling.OfRatio(column + count, blockSize) - first;
        Span<float> room = worker.Scratch(ScratchSlot.Dequantised, blocks * (width + rows)), scales = room[..(blocks * width)], ofRows = room.Slice(scales.Length, blocks * rows);
        for (int i = 0; i < rows; i++) _magnitudes.CopyTo((row + i * apart) * blocksOfRow + first, ofRows.Slice(i * blocks, blocks));
        Packing.Pack(new MatrixSpan(ofRows, rows, blocks).Transposed, width, scales);
        return scales;
    }

    /// <summary>Whether rows are whole blocks.</summary>
    public bool HasPieces => columns > 0 && columns % blockSize == 0;

    public int FewTokens => HasPieces ? LaneRows.FewTokens : 0;

    public void MultiplyRows(int row, scoped MatrixSpan x, scoped MatrixSpan y, Worker worker)
    {
        PieceRuns runs = new(columns / blockSize, blockSize / 2, blockSize / HighThenLowHalves.Weights);
        for (int column = 0; column < y.Columns; column += LaneRows.Rows, row += LaneRows.Rows)
        {
            int stride = columns / 2, end = checked(row + LaneRows.Rows) * stride;
            Span<float> scales = Scales(worker, row, 1, LaneRows.Rows, 0, columns, LaneRows.Rows);
            ReadOnlySpan<byte> rows = LaneRows.Apart(worker, CodesOf(row, LaneRows.Rows), LaneRows.Rows, ref stride, stride);
            LaneRows.Multiply<HighThenLowHalves>(rows, stride, runs, codebook.Levels, scales, _codes[end..], x, y.Block(0, y.Rows, column, LaneRows.Rows));
        }
    }

    public void Prefetch(int row, int column, int count) => Kernels.Prefetch.Lines(_codes.Slice((row * columns + column) / 2, count / 2));
}
