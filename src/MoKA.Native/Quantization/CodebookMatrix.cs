using System.Runtime.InteropServices;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;
using MoKA.Native.Memory;

namespace MoKA.Native.Quantization;

/// <summary>Which sixteen levels 4-bit codes stand for.</summary>
public enum CodebookType
{
    /// <summary>4-bit NormalFloat (QLoRA, arXiv 2305.14314): levels at quantiles of the normal distribution.</summary>
    NF4,

    /// <summary>A 4-bit floating-point number.</summary>
    FP4,
}

/// <summary>The levels behind the names.</summary>
internal static class CodebookTypes
{
    public static Codebook Codebook(this CodebookType type) => type == CodebookType.NF4 ? Kernels.Codebook.Nf4 : Kernels.Codebook.Fp4;
}

/// <summary>
/// A frozen matrix [rows, columns] in NF4 or FP4 as bitsandbytes stores it: blocks of equally many weights, 64 unless told
/// otherwise, run through the rows one after another; a weight is the level of its code times its block's largest
/// magnitude. 4.5 bits a weight, or 4.127 with double quantisation.
/// </summary>
public sealed class CodebookMatrix : FrozenMatrix
{
    private readonly Codebook _codebook;
    private readonly NativeBytes _codes;
    private readonly NativeBytes _magnitudes;
    private readonly NestedMagnitudes? _nested;

    /// <summary>Codes [⌈rows columns / 2⌉], two a byte, and magnitudes [blocks]: floats, or bytes that <paramref name="nested"/> gives a meaning.</summary>
    internal CodebookMatrix(string name, CodebookType type, int rows, int columns, int blockSize, NativeBytes codes, NativeBytes magnitudes, NestedMagnitudes? nested) : base(name, rows, columns)
    {
        RequireBlockSize(name, blockSize);
        (Type, BlockSize, _codes, _magnitudes, _nested) = (type, blockSize, codes, magnitudes, nested);
        _codebook = type.Codebook();
        int count = rows * columns, blocks = Ceiling.OfRatio(count, blockSize);
        if (codes.Length != Ceiling.OfRatio(count, 2)) throw new MokaException($"{name}: {type} [{rows}, {columns}] must have {Ceiling.OfRatio(count, 2)} bytes of codes, got {codes.Length}.");
        long bytes = (long)blocks * (nested is null ? sizeof(float) : 1);
        if (magnitudes.Length != bytes) throw new MokaException($"{name}: {type} [{rows}, {columns}] in blocks of {blockSize} must have {bytes} bytes of magnitudes, got {magnitudes.Length}.");
        if (nested is not null && nested.Scales.Length != Ceiling.OfRatio(blocks, nested.BlockSize))
            throw new MokaException($"{name}: {blocks} magnitudes in blocks of {nested.BlockSize} must have {Ceiling.OfRatio(blocks, nested.BlockSize)} scales, got {nested.Scales.Length}.");
    }

    /// <summary>The levels.</summary>
    public CodebookType Type { get; }

    /// <summary>Weights that share a magnitude.</summary>
    public int BlockSize { get; }

    /// <summary>Whether the magnitudes are quantised too.</summary>
    public bool Nested => _nested is not null;

    /// <inheritdoc/>
    public override string Format => Nested ? $"{Type} with double quantisation" : Type.ToString();

    /// <inheritdoc/>
    public override WeightStorage? Storage => Type == CodebookType.NF4 ? Nested ? WeightStorage.NF4Double : WeightStorage.NF4 : Nested ? WeightStorage.FP4Double : WeightStorage.FP4;

    /// <inheritdoc/>
    public override bool TakesInt8 => AsRows.HasPieces;

    /// <inheritdoc/>
    public override long StorageBytes => _codes.Length + _magnitudes.Length + sizeof(float) * (_codebook.Levels.Length + (_nested is null ? 0 : _nested.Scales.Length + _nested.Map.Length + 1L));

    /// <summary>Two codes a byte, the first in the high half; valid while the matrix is held.</summary>
    public ReadOnlySpan<byte> Codes => _codes.Span;

    /// <summary>The magnitudes' bytes: a float a block, or one code a block; valid while the matrix is held.</summary>
    internal ReadOnlySpan<byte> MagnitudeBytes => _magnitudes.Span;

    /// <summary>What gives the magnitudes' codes a meaning, when they are quantised.</summary>
    internal NestedMagnitudes? NestedScales => _nested;

    /// <summary>Quantises all weights as one run of blocks; the last may be short.</summary>
    /// <param name="weights">[rows, columns], finite.</param>
    /// <param name="rows">How many outputs.</param>
    /// <param name="columns">How many inputs.</param>
    /// <param name="type">The levels.</param>
    /// <param name="nested">Whether to quantise the blocks' magnitudes to a byte each as well (double quantisation).</param>
    /// <param name="blockSize">Weights that share a magnitude: a power of two from 32 to 4096.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="MokaException">A weight is not finite, or the block size is none.</exception>
    public static CodebookMatrix Quantize(ReadOnlySpan<float> weights, int rows, int columns, CodebookType type = CodebookType.NF4, bool nested = false, int blockSize = 64, string name = "weight")
    {
        if (weights.Length != (long)rows * columns) throw new ArgumentException($"{name}: [{rows}, {columns}] needs {(long)rows * columns} weights, got {weights.Length}.");
        RequireBlockSize(name, blockSize);
        if (!Finite.All(weights)) throw new MokaException($"{name}: weights must be finite to be quantised, got one that is infinite or not a number.");
        int blocks = Ceiling.OfRatio(weights.Length, blockSize);
        Codebook codebook = type.Codebook();
        NativeBytes codes = new(Ceiling.OfRatio(weights.Length, 2)), floats = new((long)blocks * sizeof(float));
        Span<float> magnitudes = MemoryMarshal.Cast<byte, float>(floats.Writable);
        for (int block = 0; block < blocks; block++)
        {
            int first = block * blockSize;
            magnitudes[block] = codebook.Quantize(weights.Slice(first, Math.Min(blockSize, weights.Length - first)), codes.Writable[(first / 2)..]);
        }
        return Create(name, type, rows, columns, blockSize, codes, floats, nested);
    }

    /// <summary>A matrix of these codes and float magnitudes, which are quantised when <paramref name="nested"/>.</summary>
    internal static CodebookMatrix Create(string name, CodebookType type, int rows, int columns, int blockSize, NativeBytes codes, NativeBytes floats, bool nested)
    {
        if (!nested) return new CodebookMatrix(name, type, rows, columns, blockSize, codes, floats, null);
        using (floats)
        {
            Span<float> magnitudes = MemoryMarshal.Cast<byte, float>(floats.Writable);
            NativeBytes bytes = new(magnitudes.Length);
            return new CodebookMatrix(name, type, rows, columns, blockSize, codes, bytes, NestedMagnitudes.Quantize(magnitudes, bytes.Writable));
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _codes.Dispose();
        _magnitudes.Dispose();
    }

    private CodebookRows AsRows => new(_codebook, Codes, Magnitudes, BlockSize, Columns);

    private BlockMagnitudes Magnitudes => _nested is null
        ? new BlockMagnitudes(MemoryMarshal.Cast<byte, float>(MagnitudeBytes))
        : new BlockMagnitudes(MagnitudeBytes, _nested.Map, _nested.Scales, _nested.BlockSize, _nested.Offset);

    private protected override void ReadRow(int row, Span<float> weights) => AsRows.Dequantize(row, 0, weights);

    private protected override void MultiplyPanels(Cpu cpu, MatrixSpan a, MatrixSpan c, bool transpose, bool accumulate) =>
        WeightProduct.Run(cpu, a, AsRows, Rows, Columns, transpose, c, accumulate);

    private protected override void MultiplyCodes(Cpu cpu, MatrixSpan a, MatrixSpan y) => Int8Product.Multiply(cpu, a, AsRows, Rows, y);

    private protected override bool IsFinite()
    {
        const int atOnce = 256;
        Span<float> some = stackalloc float[atOnce];
        int blocks = Ceiling.OfRatio(Rows * Columns, BlockSize);
        for (int block = 0; block < blocks; block += atOnce)
        {
            int count = Math.Min(atOnce, blocks - block);
            Magnitudes.CopyTo(block, 1, some[..count]);
            if (!Finite.All(some[..count])) return false;
        }
        return true;
    }

    private static void RequireBlockSize(string name, int blockSize)
    {
        if (blockSize is < 32 or > 4096 || !int.IsPow2(blockSize)) throw new MokaException($"{name}: the block size must be a power of two from 32 to 4096, got {blockSize}.");
    }
}
