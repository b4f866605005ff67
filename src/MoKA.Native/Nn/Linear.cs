using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Ops;

namespace MoKA.Native.Nn;

/// <summary>y = x Wᵀ with a float weight W [out, in], frozen or trained.</summary>
public sealed class Linear : ITokenTable
{
    /// <summary>A linear map over the weight [out, in].</summary>
    public Linear(Parameter weight)
    {
        Check.Matrix("Linear", "weight", weight);
        Weight = weight;
    }

    /// <summary>W [out, in].</summary>
    public Parameter Weight { get; }

    /// <inheritdoc/>
    public int In => Weight.Shape[1];

    /// <inheritdoc/>
    public int Out => Weight.Shape[0];

    /// <inheritdoc/>
    public Tensor Forward(Tape tape, Tensor x) => Op.MatMul(tape, x, Weight, transposeB: true);

    /// <inheritdoc/>
    public Tensor Lookup(Tape tape, ReadOnlyMemory<int> ids) => Op.Embedding(tape, Weight, ids);

    /// <inheritdoc/>
    public void CopyWeight(Span<float> weight)
    {
        Weight.Data.CopyTo(weight);
        GC.KeepAlive(Weight); // its memory is native and must outlive the span that reads it
    }
}
