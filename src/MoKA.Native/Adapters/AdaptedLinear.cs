using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;
using MoKA.Native.Ops;

namespace MoKA.Native.Adapters;

/// <summary>A linear map of any kind with an adapter beside it.</summary>
public sealed class AdaptedLinear : ILinear
{
    /// <summary>Puts the adapter beside the map; their lengths must agree.</summary>
    public AdaptedLinear(ILinear frozen, Adapter adapter)
    {
        if (adapter.In != frozen.In || adapter.Out != frozen.Out)
            throw new MokaException($"AdaptedLinear: the adapter must map {frozen.In} inputs to {frozen.Out} outputs, got {adapter.In} to {adapter.Out}.");
        (Frozen, Adapter) = (frozen, adapter);
    }

    /// <summary>The map underneath.</summary>
    public ILinear Frozen { get; }

    /// <summary>What changes it.</summary>
    public Adapter Adapter { get; }

    /// <inheritdoc/>
    public int In => Frozen.In;

    /// <inheritdoc/>
    public int Out => Frozen.Out;

    /// <inheritdoc/>
    public Tensor Forward(Tape tape, Tensor x) => Adapter.Forward(tape, Frozen, x);

    /// <summary>The merged matrix [Out, In].</summary>
    public void CopyWeight(Span<float> weight)
    {
        Frozen.CopyWeight(weight);
        Adapter.Merge(weight);
    }
}
