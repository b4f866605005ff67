using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Quantization;

namespace MoKA.Native.Nn;

/// <summary>y = x Wᵀ with a frozen weight W [out, in] in 4 bits or any other storage.</summary>
public sealed class FrozenLinear(FrozenMatrix weight) : ITokenTable
{
    /// <summary>W [out, in].</summary>
    public FrozenMatrix Weight { get; } = weight;

    /// <summary>What the weight is multiplied with: floats, or for inference 8-bit integers, where the weight takes them.</summary>
    public Activations Activations { get; set; }

    /// <summary>Whether <see cref="Activations.Int8"/> can be chosen.</summary>
    public bool TakesInt8 => Weight.TakesInt8;

    /// <inheritdoc/>
    public int In => Weight.Columns;

    /// <inheritdoc/>
    public int Out => Weight.Rows;

    /// <inheritdoc/>
    public Tensor Forward(Tape tape, Tensor x) => Activations == Activations.Int8 ? Op.Int8MatMul(tape, x, Weight) : Op.FrozenMatMul(tape, x, Weight);

    /// <inheritdoc/>
    public Tensor Lookup(Tape tape, ReadOnlyMemory<int> ids) => Op.Embedding(tape, Weight, ids);

    /// <inheritdoc/>
    public void CopyWeight(Span<float> weight) => Weight.Dequantize(weight);
}
