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
}

/// <summary>The rows of a matrix whose codes and blocks run through all of it, row after row, wherever rows begin.</summary>
internal readonly ref struct CodebookRows(Codebook codebook, ReadOnlySpan<byte> codes, BlockMagnitudes magnitudes, int blockSize, int columns) : IWeightRows
{
    private readonly ReadOnlySpan<byte> _codes = codes;
    private readonly BlockMagnitudes _magnitudes = magnitudes;

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

    public void Prefetch(int row, int column, int count) => Kernels.Prefetch.Lines(_codes.Slice((row * columns + column) / 2, count / 2));
}
