using System.Runtime.CompilerServices;

namespace MoKA.Native.Kernels;

/// <summary>
/// The panels of a stored weight W [out, in], dequantised on the way into the product: only a panel is ever float.
/// As Wᵀ [in, out] for y = x Wᵀ, or as W [out, in] for dx = dy W. See Int4.md.
/// </summary>
internal readonly ref struct WeightPanels<TRows>(TRows rows, bool transpose) : IPanels where TRows : struct, IWeightRows, allows ref struct
{
    private readonly TRows _rows = rows;

    public void Pack(Worker worker, int k, int kc, int first, int valid, int width, Span<float> panel)
    {
        if (transpose) PackTransposed(worker, k, kc, first, valid, width, panel);
        else PackRows(k, kc, first, valid, width, panel);
    }

    /// <summary>W: a step of k is a piece of a row, written where the panel wants it.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private void PackRows(int k, int kc, int first, int valid, int width, Span<float> panel)
    {
        if (valid < width) panel[..(kc * width)].Clear();
        _rows.DequantizeRows(k, kc, first, valid, panel, width);
    }

    /// <summary>Wᵀ: the panel's columns are rows of W, its depth runs along them.</summary>
    [MethodImpl(Compiled.AtOnce)]
    private void PackTransposed(Worker worker, int k, int kc, int first, int valid, int width, Span<float> panel)
    {
        Span<float> weights = worker.Scratch(ScratchSlot.Dequantised, valid * kc);
        for (int j = 0; j < valid; j++) _rows.Dequantize(first + j, k, weights.Slice(j * kc, kc));
        Packing.Pack(new MatrixSpan(weights, valid, kc).Transposed, width, panel);
    }
}
