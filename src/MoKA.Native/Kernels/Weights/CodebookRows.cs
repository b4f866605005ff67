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

    public bool HasPieces => columns > 0 && columns % blockSize == 0;

    public void MultiplyRows(int row, scoped ReadOnlySpan<float> x, scoped Span<float> y, Worker worker)
    {
        int blocks = columns / blockSize, first = checked(row * columns);
        Span<float> scales = worker.Scratch(ScratchSlot.Dequantised, blocks * LaneRows.Rows);
        for (int i = 0; i < LaneRows.Rows; i++)
            _magnitudes.CopyTo(first / blockSize + i * blocks, blocks, scales[i..], LaneRows.Rows);
        int stride = columns / 2, begin = first / 2, end = begin + LaneRows.Rows * stride;
        ReadOnlySpan<byte> rows = LaneRows.Apart(worker, _codes[begin..end], LaneRows.Rows, ref stride, stride);
        PieceRuns runs = new(blocks, blockSize / 2, blockSize / HighThenLowHalves.Weights);
        LaneRows.Multiply<HighThenLowHalves>(rows, stride, runs, codebook.Levels, scales, _codes[end..], x, y);
    }

    public void Prefetch(int row, int column, int count) => Kernels.Prefetch.Lines(_codes.Slice((row * columns + column) / 2, count / 2));
}
