using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Quantization;

namespace MoKA.Native.Nn;

/// <summary>y = x Wᵀ with a frozen 4-bit weight W [out, in].</summary>
public sealed class QuantizedLinear(Int4Matrix weight) : ILinear
{
    /// <summary>W [out, in].</summary>
    public Int4Matrix Weight { get; } = weight;

    /// <inheritdoc/>
    public int In => Weight.Columns;

    /// <inheritdoc/>
    public int Out => Weight.Rows;

    /// <inheritdoc/>
    public Tensor Forward(Tape tape, Tensor x) => Op.Int4Linear(tape, x, Weight);

    /// <inheritdoc/>
    public void CopyWeight(Span<float> weight) => Weight.Dequantize(weight);
}
