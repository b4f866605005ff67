using System.Runtime.InteropServices;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;
using MoKA.Native.Memory;

namespace MoKA.Native.Quantization;

/// <summary>
/// A frozen matrix [rows, columns] of floats that may lie in a mapped file. Products read them where they lie, by the kernels
/// that multiply with a trained float weight, so the bits are the same.
/// </summary>
public sealed class FloatMatrix : FrozenMatrix
{
    private readonly NativeBytes _bytes;

    /// <summary>Rows of floats, one behind another, that begin at a multiple of four bytes.</summary>
    internal FloatMatrix(string name, int rows, int columns, NativeBytes bytes) : base(name, rows, columns)
    {
        _bytes = bytes;
        if (bytes.Length != (long)rows * columns * sizeof(float)) throw new MokaException($"{name}: floats [{rows}, {columns}] must take {(long)rows * columns * sizeof(float)} bytes, got {bytes.Length}.");
    }

    /// <inheritdoc/>
    public override string Format => nameof(WeightStorage.F32);

    /// <inheritdoc/>
    public override WeightStorage? Storage => WeightStorage.F32;

    /// <inheritdoc/>
    public override long StorageBytes => _bytes.Length;

    /// <summary>The rows, one behind another; valid while the matrix is held.</summary>
    public ReadOnlySpan<float> Values => _bytes.Values<float>();

    /// <inheritdoc/>
    public override void Dispose() => _bytes.Dispose();

    // The kernels take operands and targets as the same kind of matrix; they write to targets alone.
    private MatrixSpan Matrix => new(MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(Values), Rows * Columns), Rows, Columns);

    private protected override void ReadRow(int row, Span<float> weights) => Values.Slice(row * Columns, Columns).CopyTo(weights);

    private protected override void MultiplyPanels(Cpu cpu, MatrixSpan a, MatrixSpan c, bool transpose, bool accumulate) =>
        Gemm.Multiply(cpu, a, transpose ? Matrix.Transposed : Matrix, c, accumulate);

    private protected override bool IsFinite() => Finite.All(Values);
}
