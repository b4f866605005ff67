using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;
using MoKA.Native.Memory;

namespace MoKA.Native.Quantization;

/// <summary>
/// A frozen matrix [rows, columns] as llama2.c quantises it: a signed byte for each weight, and a float scale for each group of
/// them; groups run through the rows one after another. A weight is its byte times its group's scale.
/// </summary>
public sealed class GroupedInt8Matrix : FrozenMatrix
{
    private readonly NativeBytes _values;
    private readonly NativeBytes _scales;

    /// <summary>Bytes [rows × columns] and float scales [rows × columns / groupSize] that begin at a multiple of four bytes.</summary>
    internal GroupedInt8Matrix(string name, int rows, int columns, int groupSize, NativeBytes values, NativeBytes scales) : base(name, rows, columns)
    {
        (GroupSize, _values, _scales) = (groupSize, values, scales);
        int count = rows * columns;
        if (groupSize < 1 || count % groupSize != 0) throw new MokaException($"{name}: the weights of int8 [{rows}, {columns}] must be whole groups, got groups of {groupSize}.");
        if (values.Length != count) throw new MokaException($"{name}: int8 [{rows}, {columns}] must take {count} bytes, got {values.Length}.");
        long bytes = (long)count / groupSize * sizeof(float);
        if (scales.Length != bytes) throw new MokaException($"{name}: int8 [{rows}, {columns}] in groups of {groupSize} must have {bytes} bytes of scales, got {scales.Length}.");
    }

    /// <summary>Weights that share a scale.</summary>
    public int GroupSize { get; }

    /// <inheritdoc/>
    public override string Format => $"int8 in groups of {GroupSize}";

    /// <inheritdoc/>
    public override WeightStorage? Storage => null;

    /// <inheritdoc/>
    public override long StorageBytes => _values.Length + _scales.Length;

    /// <summary>The weights' bytes, row after row; valid while the matrix is held.</summary>
    public ReadOnlySpan<sbyte> Values => _values.Values<sbyte>();

    /// <summary>The groups' scales; valid while the matrix is held.</summary>
    public ReadOnlySpan<float> Scales => _scales.Values<float>();

    /// <inheritdoc/>
    public override void Dispose()
    {
        _values.Dispose();
        _scales.Dispose();
    }

    private GroupedInt8Rows AsRows => new(Values, Scales, GroupSize, Columns);

    private protected override void ReadRow(int row, Span<float> weights) => AsRows.Dequantize(row, 0, weights);

    private protected override void MultiplyPanels(Cpu cpu, MatrixSpan a, MatrixSpan c, bool transpose, bool accumulate) =>
        WeightProduct.Run(cpu, a, AsRows, Rows, Columns, transpose, c, accumulate);

    // A byte times the largest floats is not finite, so such scales are as bad.
    private protected override bool IsFinite()
    {
        foreach (float scale in Scales)
            if (!float.IsFinite(scale * sbyte.MinValue)) return false;
        return true;
    }
}
