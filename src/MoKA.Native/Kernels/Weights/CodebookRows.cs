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

    /// <summary>Writes the magnitudes of the blocks from <paramref name="first"/> on, times <paramref name="unit"/>.</summary>
    [MethodImpl(Compiled.AtOnce)]
    public void CopyTo(int first, float unit, Span<float> to)
    {
        if (_codes.IsEmpty)
        {
            TensorPrimitives.Multiply(_floats.Slice(first, to.Length), unit, to);
            return;
        }
        // One division for each run of blocks that share a nested scale, not for each block.
        for (int done = 0, some; done < to.Length; done += some)
        {
            int block = first + done;
            some = Math.Min(_nestedBlock - block % _nestedBlock, to.Length - done);
            LookUp(_codes.Slice(block, some), _nested[block / _nestedBlock], unit, to.Slice(done, some));
        }
    }

    /// <summary>Writes the magnitude of every so many blocks, as those of a column of blocks are.</summary>
    [MethodImpl(Compiled.AtOnce)]
    public void CopyEvery(int first, int apart, Span<float> to)
    {
        if (_codes.IsEmpty)
        {
            for (int i = 0; i < to.Length; i++) to[i] = _floats[first + i * apart];
            return;
        }
        // The nested block advances with the blocks: a division for each would take longer than all the rest.
        (int nested, int within) = Math.DivRem(first, _nestedBlock);
        (int whole, int rest) = Math.DivRem(apart, _nestedBlock);
        for (int i = 0; i < to.Length; i++)
        {
            float scaled = _map[_codes[first + i * apart]] * _nested[nested];
            to[i] = scaled + _offset;
            (nested, within) = (nested + whole, within + rest);
            if (within < _nestedBlock) continue;
            (nested, within) = (nested + 1, within - _nestedBlock);
        }
    }

    /// <summary>Asks for what <see cref="CopyTo"/> reads for some blocks, which may begin within a line.</summary>
    public void Prefetch(int first, int count)
    {
        if (_codes.IsEmpty)
        {
            Kernels.Prefetch.Lines(ref Unsafe.As<float, byte>(ref Unsafe.Add(ref MemoryMarshal.GetReference(_floats), first)), count * sizeof(float) + Kernels.Prefetch.Line);
            return;
        }
        Kernels.Prefetch.Lines(ref Unsafe.Add(ref MemoryMarshal.GetReference(_codes), first), count + Kernels.Prefetch.Line);
        Kernels.Prefetch.Lines(ref Unsafe.As<float, byte>(ref Unsafe.Add(ref MemoryMarshal.GetReference(_nested), first / _nestedBlock)), 1);
    }

    /// <summary>(map[q] × nested + offset) × unit for each code q.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private unsafe void LookUp(ReadOnlySpan<byte> codes, float nested, float unit, Span<float> to)
    {
        // The slices prove the bounds once, a byte any of 256 levels; the loops then read and write without checks.
        fixed (byte* code = codes)
        fixed (float* target = to[..codes.Length], map = _map[..256])
        {
            int i = 0;
            if (Avx2.IsSupported)
                for (; i + 8 <= codes.Length; i += 8)
                {
                    // A gather would take longer than eight loads.
                    byte* c = code + i;
                    Vector256<float> scaled = Vector256.Create(map[c[0]], map[c[1]], map[c[2]], map[c[3]], map[c[4]], map[c[5]], map[c[6]], map[c[7]]) * nested;
                    ((scaled + Vector256.Create(_offset)) * unit).Store(target + i);
                }
            for (; i < codes.Length; i++)
            {
                float scaled = map[code[i]] * nested;
                float magnitude = scaled + _offset;
                target[i] = magnitude * unit;
            }
        }
    }
}

/// <summary>The rows of a matrix whose codes and blocks run through all of it, row after row, wherever rows begin.</summary>
internal readonly ref struct CodebookRows(Codebook codebook, ReadOnlySpan<byte> codes, BlockMagnitudes magnitudes, int blockSize, int columns) : IWeightRows
{
    /// <summary>Rows whose magnitudes are found together.</summary>
    private const int RowsAtOnce = 64;

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

    [MethodImpl(Compiled.AtOnce)]
    public void DequantizeRows(int row, int rows, int column, int count, Span<float> weights, int apart)
    {
        if (!HasPieces || !Codebook.TakesPieces(column, count) || column / blockSize != (column + count - 1) / blockSize)
        {
            for (int i = 0; i < rows; i++) Dequantize(row + i, column, weights.Slice(i * apart, count));
            return;
        }
        // Each piece lies in one block: magnitudes first, some rows at a time.
        Span<float> magnitudes = stackalloc float[RowsAtOnce];
        int blocksOfRow = columns / blockSize;
        for (int done = 0, some; done < rows; done += some)
        {
            some = Math.Min(RowsAtOnce, rows - done);
            _magnitudes.CopyEvery(checked((row + done) * blocksOfRow) + column / blockSize, blocksOfRow, magnitudes[..some]);
            codebook.DequantizePieces(_codes[((checked((row + done) * columns) + column) / 2)..], columns / 2, magnitudes[..some], count, weights[(done * apart)..], apart);
        }
    }

    /// <summary>The levels as whole numbers.</summary>
    public IntegerLevels Levels => codebook.Integers;

    /// <summary>Weights that share a magnitude.</summary>
    public int BlockSize => blockSize;

    /// <summary>The codes of some rows, each a whole number of bytes.</summary>
    public ReadOnlySpan<byte> CodesOf(int row, int rows) => _codes.Slice(checked(row * columns) / 2, rows * (columns / 2));

    /// <summary>What a step of a whole level is worth, for adjacent rows of whole blocks: [blocks, <paramref name="width"/>] with zeros where there are fewer rows.</summary>
    public Span<float> UnitScales(Worker worker, int row, int rows, int width) => Scales(worker, row, rows, width, codebook.Integers.Unit);

    /// <summary>The same for rows far apart, so many at a time.</summary>
    public RowScales UnitScales(Worker worker, int rows) => new(_magnitudes, codebook.Integers.Unit, rows, columns / blockSize, rows, worker);

    /// <summary>The magnitudes of adjacent rows times <paramref name="unit"/>, as above.</summary>
    private Span<float> Scales(Worker worker, int row, int rows, int width, float unit)
    {
        RowScales scales = new(_magnitudes, unit, rows, columns / blockSize, width, worker);
        scales.Start(row, apart: 1);
        return scales.Finish();
    }

    /// <summary>Whether rows are whole blocks.</summary>
    public bool HasPieces => columns > 0 && columns % blockSize == 0;

    public int FewTokens(InstructionSet set) => HasPieces ? LaneRows.FewTokens(set) : 0;

    public void MultiplyRows(int row, scoped MatrixSpan x, scoped MatrixSpan y, Worker worker)
    {
        PieceRuns runs = new(columns / blockSize, blockSize / 2, blockSize / HighThenLowHalves.Weights);
        for (int column = 0; column < y.Columns; column += LaneRows.Rows, row += LaneRows.Rows)
        {
            int stride = columns / 2, end = checked(row + LaneRows.Rows) * stride;
            Span<float> scales = Scales(worker, row, LaneRows.Rows, LaneRows.Rows, unit: 1);
            ReadOnlySpan<byte> rows = LaneRows.Apart(worker, CodesOf(row, LaneRows.Rows), LaneRows.Rows, ref stride, stride);
            LaneRows.Multiply<HighThenLowHalves>(worker.InstructionSet, rows, stride, runs, codebook.Levels, scales, _codes[end..], x, y.Block(0, y.Rows, column, LaneRows.Rows));
        }
    }

    public void Prefetch(int row, int column, int count) => Kernels.Prefetch.Lines(_codes.Slice((row * columns + column) / 2, count / 2));
}
