using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Quantization;

/// <summary>
/// A matrix [rows, columns] that is never trained, compactly stored or left in its file. Products read it as the floats it
/// stands for, a panel at a time; a float copy of the whole is never kept.
/// </summary>
public abstract class FrozenMatrix : IDisposable
{
    // So that its bytes fit a span at two a weight.
    private const int MostWeights = int.MaxValue / 2;

    private bool _checked;

    private protected FrozenMatrix(string name, int rows, int columns)
    {
        (Name, Rows, Columns) = (name, rows, columns);
        if (rows < 0 || columns < 0 || (long)rows * columns > MostWeights) throw new MokaException($"{name}: a stored matrix must have from 0 to {MostWeights} weights, got [{rows}, {columns}].");
    }

    /// <summary>What errors call it: a file and a tensor.</summary>
    public string Name { get; }

    /// <summary>How many outputs.</summary>
    public int Rows { get; }

    /// <summary>How many inputs.</summary>
    public int Columns { get; }

    /// <summary>How its weights are stored, such as Q4_0 or NF4.</summary>
    public abstract string Format { get; }

    /// <summary>The same where this library also writes it, otherwise nothing.</summary>
    public abstract WeightStorage? Storage { get; }

    /// <summary>The bytes its weights take, scales and tables included.</summary>
    public abstract long StorageBytes { get; }

    /// <summary>Storage per weight.</summary>
    public double BitsPerWeight => Rows == 0 || Columns == 0 ? 0 : 8.0 * StorageBytes / ((double)Rows * Columns);

    /// <summary>Whether there are products in integers with it, for activations of 8 bits: in ggml's blocks, and in NF4 and FP4 where rows are whole blocks.</summary>
    public virtual bool TakesInt8 => false;

    /// <summary>Writes all weights as floats [rows, columns].</summary>
    public void Dequantize(Span<float> weights)
    {
        if (weights.Length != Rows * Columns) throw new ArgumentException($"{Name}: [{Rows}, {Columns}] needs room for {Rows * Columns} weights, got {weights.Length}.");
        for (int row = 0; row < Rows; row++) DequantizeRow(row, weights.Slice(row * Columns, Columns));
    }

    /// <summary>Writes one row as floats [columns].</summary>
    public void DequantizeRow(int row, Span<float> weights)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Rows);
        if (weights.Length != Columns) throw new ArgumentException($"{Name}: a row of [{Rows}, {Columns}] needs room for {Columns} weights, got {weights.Length}.");
        ReadRow(row, weights);
        GC.KeepAlive(this); // its memory is native and must outlive the spans that read it
        if (!_checked && !Finite.All(weights)) throw NotFinite();
    }

    /// <summary>c [tokens, rows] = a [tokens, columns] Wᵀ, or c [tokens, columns] = a [tokens, rows] W; added to c when <paramref name="accumulate"/>.</summary>
    internal void Multiply(Cpu cpu, MatrixSpan a, MatrixSpan c, bool transpose, bool accumulate = false)
    {
        RequireFinite();
        MultiplyPanels(cpu, a, c, transpose, accumulate);
        GC.KeepAlive(this); // as above
    }

    /// <summary>y [tokens, rows] = a [tokens, columns] Wᵀ with a rounded to 8 bits in blocks of 32, or of 16 where scales of weights change so often.</summary>
    internal void MultiplyInIntegers(Cpu cpu, MatrixSpan a, MatrixSpan y)
    {
        if (!TakesInt8) throw new InvalidOperationException($"{Name}: integer products need a weight in one of ggml's quantised types, or in NF4 or FP4 with rows of whole blocks, got {Format} [{Rows}, {Columns}]; multiply with float activations.");
        RequireFinite();
        MultiplyCodes(cpu, a, y);
        GC.KeepAlive(this); // as above
    }

    /// <summary>Frees the memory, unless it is a mapped file's.</summary>
    public abstract void Dispose();

    private protected abstract void ReadRow(int row, Span<float> weights);

    private protected abstract void MultiplyPanels(Cpu cpu, MatrixSpan a, MatrixSpan c, bool transpose, bool accumulate);

    private protected virtual void MultiplyCodes(Cpu cpu, MatrixSpan a, MatrixSpan y) => throw new NotSupportedException($"{Name}: {Format} has no products in integers.");

    private protected abstract bool IsFinite();

    // A file's scales are looked at when the matrix is first used: opening a model touches none of its weights.
    private void RequireFinite()
    {
        if (_checked) return;
        if (!IsFinite()) throw NotFinite();
        _checked = true;
    }

    private MokaException NotFinite() => new($"{Name}: must hold finite numbers, got one that is infinite or not a number; the file is damaged.");
}
