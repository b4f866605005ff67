using System.Numerics.Tensors;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;
using MoKA.Native.Memory;

namespace MoKA.Native.Quantization;

/// <summary>A frozen matrix [rows, columns] whose rows are ggml's blocks: the bytes that GGUF files hold.</summary>
public sealed class BlockMatrix : FrozenMatrix
{
    private readonly BlockFormat _format;
    private readonly NativeBytes _bytes;

    /// <summary>Rows that lie in <paramref name="bytes"/>, each of whole blocks.</summary>
    internal BlockMatrix(string name, BlockType type, int rows, int columns, NativeBytes bytes) : base(name, rows, columns)
    {
        (Type, _format, _bytes) = (type, type.Format(), bytes);
        RequireWholeBlocks(name, type, rows, columns);
        if (bytes.Length != rows * type.BytesOfRow(columns)) throw new MokaException($"{name}: {type} [{rows}, {columns}] must take {rows * type.BytesOfRow(columns)} bytes, got {bytes.Length}.");
    }

    /// <summary>The blocks' layout.</summary>
    public BlockType Type { get; }

    /// <inheritdoc/>
    public override string Format => Type.ToString();

    /// <inheritdoc/>
    public override WeightStorage? Storage => Type switch
    {
        BlockType.F16 => WeightStorage.F16,
        BlockType.BF16 => WeightStorage.BF16,
        BlockType.Q4_0 => WeightStorage.Q4_0,
        BlockType.Q8_0 => WeightStorage.Q8_0,
        _ => null,
    };

    /// <inheritdoc/>
    public override bool TakesInt8 => _format.TakesInt8;

    /// <inheritdoc/>
    public override long StorageBytes => _bytes.Length;

    /// <summary>The rows, one behind another; valid while the matrix is held.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.Span;

    /// <summary>Quantises row by row, each block by itself, as ggml does.</summary>
    /// <param name="weights">[rows, columns], finite, and small enough for scales or numbers in half precision where the type has such.</param>
    /// <param name="rows">How many outputs.</param>
    /// <param name="columns">How many inputs, whole blocks.</param>
    /// <param name="type">F16, BF16, Q4_0 or Q8_0; the others are only read.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="MokaException">The columns are not whole blocks, a weight is not finite or too large, or the type is only read.</exception>
    public static BlockMatrix Quantize(ReadOnlySpan<float> weights, int rows, int columns, BlockType type, string name = "weight")
    {
        if (weights.Length != (long)rows * columns) throw new ArgumentException($"{name}: [{rows}, {columns}] needs {(long)rows * columns} weights, got {weights.Length}.");
        RequireWholeBlocks(name, type, rows, columns);
        if (!Finite.All(weights)) throw new MokaException($"{name}: weights must be finite to be quantised, got one that is infinite or not a number.");
        NativeBytes bytes = new(rows * type.BytesOfRow(columns));
        QuantizeBlocks(name, type, weights, bytes.Writable);
        BlockMatrix matrix = new(name, type, rows, columns, bytes);
        if (matrix.IsFinite()) return matrix;
        bytes.Dispose();
        throw new MokaException($"{name}: the weights are too large for {type}, whose {(type == BlockType.BF16 ? "largest number" : $"half-precision numbers end at {Half.MaxValue}")}; the largest is {TensorPrimitives.MaxMagnitude(weights)}.");
    }

    /// <inheritdoc/>
    public override void Dispose() => _bytes.Dispose();

    private protected override void ReadRow(int row, Span<float> weights) => new BlockRows(_format, Bytes, Columns).Dequantize(row, 0, weights);

    private protected override void MultiplyPanels(Cpu cpu, MatrixSpan a, MatrixSpan c, bool transpose, bool accumulate) =>
        WeightProduct.Run(cpu, a, new BlockRows(_format, Bytes, Columns), Rows, Columns, transpose, c, accumulate);

    private protected override void MultiplyCodes(Cpu cpu, MatrixSpan a, MatrixSpan y) => _format.MultiplyInIntegers(cpu, a, Bytes, Rows, y);

    private protected override bool IsFinite() => _format.IsFinite(Bytes);

    private static void QuantizeBlocks(string name, BlockType type, ReadOnlySpan<float> weights, Span<byte> bytes)
    {
        BlockFormat format = type.Format();
        switch (type)
        {
            case BlockType.F16:
                Float16.Quantize(weights, bytes);
                break;
            case BlockType.BF16:
                BFloat16.Quantize(weights, bytes);
                break;
            case BlockType.Q4_0:
                for (int i = 0; i * format.Weights < weights.Length; i++) Q4_0.Quantize(weights.Slice(i * format.Weights, format.Weights), bytes.Slice(i * format.Bytes, format.Bytes));
                break;
            case BlockType.Q8_0:
                for (int i = 0; i * format.Weights < weights.Length; i++) Q8_0.Quantize(weights.Slice(i * format.Weights, format.Weights), bytes.Slice(i * format.Bytes, format.Bytes));
                break;
            default:
                throw new MokaException($"{name}: {type} is read but not written; quantise to F16, BF16, Q4_0 or Q8_0.");
        }
    }

    private static void RequireWholeBlocks(string name, BlockType type, int rows, int columns)
    {
        if (rows < 0 || columns < 0 || columns % type.Format().Weights != 0)
            throw new MokaException($"{name}: the columns of {type} must be whole blocks of {type.Format().Weights}, got [{rows}, {columns}]; keep this weight in BF16.");
    }
}
