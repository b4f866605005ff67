using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;
using MoKA.Native.Memory;

namespace MoKA.Native.Quantization;

/// <summary>
/// A frozen matrix [rows, columns] in symmetric 4-bit blocks of 32 along a row: w = (q - 8) d with q in 0 .. 15 and one
/// half-precision d a block, 4.5 bits a weight. The numbers are those of ggml's Q4_0.
/// </summary>
/// <remarks>
/// Codes lie as [rows, columns / 2] bytes: byte j of a block holds element j in the low half and element j + 16 in the
/// high half. Scales lie as [rows, columns / 32]; they are kept as floats, to which a half converts exactly.
/// </remarks>
public sealed class Int4Matrix : IDisposable
{
    /// <summary>How many weights share a scale.</summary>
    public const int BlockSize = 32;

    private readonly AlignedBuffer _codes;
    private readonly AlignedBuffer _scales;

    /// <summary>An all-zero-scale matrix to be filled.</summary>
    public Int4Matrix(int rows, int columns)
    {
        if (rows < 0 || columns < 0 || columns % BlockSize != 0) throw new MokaException($"Int4Matrix: the columns must be whole blocks of {BlockSize}, got [{rows}, {columns}]; keep this weight in float.");
        (Rows, Columns) = (rows, columns);
        _codes = new AlignedBuffer((long)rows * columns / 2);
        _scales = new AlignedBuffer((long)rows * columns / BlockSize * sizeof(float));
    }

    /// <summary>How many outputs.</summary>
    public int Rows { get; }

    /// <summary>How many inputs.</summary>
    public int Columns { get; }

    /// <summary>Two codes a byte [rows, columns / 2].</summary>
    public Span<byte> Codes => _codes.Span<byte>(Rows * (Columns / 2));

    /// <summary>One scale a block [rows, columns / 32].</summary>
    public Span<float> Scales => _scales.Span<float>(Rows * (Columns / BlockSize));

    /// <summary>The bytes that a file of this matrix takes: half a byte a weight and two a block.</summary>
    public long StorageBytes => (long)Rows * Columns / 2 + (long)Rows * Columns / BlockSize * 2;

    /// <summary>
    /// Quantises row by row. In a block, d = m / -8 where m is the value of largest magnitude, sign kept, the first one
    /// on ties; q = min(15, ⌊x / d + 8.5⌋); d is rounded to half precision after the codes are chosen.
    /// </summary>
    /// <param name="weights">[rows, columns], finite and within ±524,032, where the scale leaves half precision.</param>
    /// <param name="rows">How many outputs.</param>
    /// <param name="columns">How many inputs, a multiple of 32.</param>
    public static Int4Matrix Quantize(ReadOnlySpan<float> weights, int rows, int columns)
    {
        if (weights.Length != (long)rows * columns) throw new ArgumentException($"Int4Matrix: [{rows}, {columns}] needs {(long)rows * columns} weights, got {weights.Length}.");
        Int4Matrix matrix = new(rows, columns);
        Span<byte> codes = matrix.Codes;
        Span<float> scales = matrix.Scales;
        for (int block = 0; block < scales.Length; block++)
            scales[block] = QuantizeBlock(weights.Slice(block * BlockSize, BlockSize), codes.Slice(block * BlockSize / 2, BlockSize / 2));
        return matrix;
    }

    /// <summary>Writes all weights as floats [rows, columns].</summary>
    public void Dequantize(Span<float> weights)
    {
        if (weights.Length != Rows * Columns) throw new ArgumentException($"Int4Matrix: [{Rows}, {Columns}] needs room for {Rows * Columns} weights, got {weights.Length}.");
        for (int row = 0; row < Rows; row++)
            Int4Kernels.Dequantize(InstructionSets.Widest, Codes.Slice(row * (Columns / 2), Columns / 2), Scales.Slice(row * (Columns / BlockSize), Columns / BlockSize), weights.Slice(row * Columns, Columns));
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _codes.Dispose();
        _scales.Dispose();
    }

    private static float QuantizeBlock(ReadOnlySpan<float> block, Span<byte> codes)
    {
        float largest = 0;
        foreach (float x in block)
        {
            if (!float.IsFinite(x)) throw new MokaException($"Int4Matrix: weights must be finite to be quantised, got {x}.");
            if (MathF.Abs(x) > MathF.Abs(largest)) largest = x;
        }
        float d = largest / -8, scale = (float)(Half)d;
        if (!float.IsFinite(scale)) throw new MokaException($"Int4Matrix: weights must lie within ±{8 * (float)Half.MaxValue} so that their scale fits in half precision, got {largest}.");
        float inverse = d == 0 ? 0 : 1 / d;
        for (int j = 0; j < BlockSize / 2; j++)
        {
            int low = Math.Min(15, (int)(block[j] * inverse + 8.5f)), high = Math.Min(15, (int)(block[j + BlockSize / 2] * inverse + 8.5f));
            codes[j] = (byte)(low | high << 4);
        }
        return scale;
    }
}
