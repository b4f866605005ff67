namespace MoKA.Native.Kernels;

/// <summary>
/// The panels of a 4-bit weight W [out, in], dequantised on the way into the product: only a panel is ever float.
/// As Wᵀ [in, out] for y = x Wᵀ, or as W [out, in] for dx = dy W.
/// </summary>
internal readonly ref struct Int4Panels(ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, int columns, bool transpose) : IPanels
{
    private const int Block = 32;
    private readonly ReadOnlySpan<byte> _codes = codes;
    private readonly ReadOnlySpan<float> _scales = scales;

    public void Pack(Worker worker, int k, int kc, int first, int valid, int width, Span<float> panel)
    {
        // Wᵀ: the panel's columns are rows of W, its depth runs along them. W: the other way round.
        (int row, int rows, int column, int count) = transpose ? (first, valid, k, kc) : (k, kc, first, valid);
        int firstBlock = column / Block, blocks = (column + count - 1) / Block - firstBlock + 1;
        Span<float> dequantised = worker.Scratch(ScratchSlot.Dequantised, rows * blocks * Block);
        for (int i = 0; i < rows; i++)
        {
            int block = (row + i) * (columns / Block) + firstBlock;
            Int4Kernels.Dequantize(worker.InstructionSet, _codes.Slice(block * Block / 2, blocks * Block / 2), _scales.Slice(block, blocks), dequantised[(i * blocks * Block)..]);
        }
        MatrixSpan weights = new MatrixSpan(dequantised, rows, blocks * Block).Block(0, rows, column - firstBlock * Block, count);
        Packing.Pack(transpose ? weights.Transposed : weights, width, panel);
    }
}
