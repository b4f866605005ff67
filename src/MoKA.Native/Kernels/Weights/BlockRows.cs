using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>The rows [columns] of a matrix of blocks.</summary>
internal readonly ref struct BlockRows(BlockFormat format, ReadOnlySpan<byte> bytes, int columns) : IWeightRows
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly int _bytesOfRow = columns / format.Weights * format.Bytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dequantize(int row, int column, Span<float> weights) => format.Dequantize(_bytes.Slice(row * _bytesOfRow, _bytesOfRow), column, weights);

    public void DequantizeRows(int row, int rows, int column, int count, Span<float> weights, int apart) =>
        format.DequantizeRows(_bytes.Slice(row * _bytesOfRow, rows * _bytesOfRow), _bytesOfRow, column, count, weights, apart);

    public void Prefetch(int row, int column, int count) =>
        Kernels.Prefetch.Lines(_bytes.Slice(row * _bytesOfRow + column / format.Weights * format.Bytes, count / format.Weights * format.Bytes));

    public int FewTokens(InstructionSet set) => columns == 0 ? 0 : format.FewTokens(set, _bytesOfRow);

    public void MultiplyRows(int row, scoped MatrixSpan x, scoped MatrixSpan y, Worker worker) => format.MultiplyFew(worker, _bytes[(row * _bytesOfRow)..], _bytesOfRow, x, y);
}
