using MoKA.Native.Autograd;

namespace MoKA.Native.Adapters;

/// <summary>
/// A trainable addition to one frozen linear map: y = W x + Δ(x). An adapter knows its lengths and its parameters; what
/// it is added to, it never asks.
/// </summary>
public abstract class Adapter
{
    /// <summary>The length of an input row.</summary>
    public abstract int In { get; }

    /// <summary>The length of an output row.</summary>
    public abstract int Out { get; }

    /// <summary>What training moves, by the name it has inside the adapter: "A.0", "B.0", "gate".</summary>
    public abstract IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>
    /// y + Δ(x) [tokens, Out] for x [tokens, In], written over <paramref name="y"/>, the fresh output of the frozen map:
    /// map and adapter then share one output and one gradient.
    /// </summary>
    public abstract Tensor AddDelta(Tape tape, Tensor x, Tensor y);

    /// <summary>Adds the dense update to a weight [Out, In]: for merging and for tests, nowhere else.</summary>
    public abstract void AddDenseDelta(Span<float> weight);

    /// <summary>The number of trainable numbers.</summary>
    public long ParameterCount => Parameters.Sum(p => p.Trainable ? (long)p.Shape.Count : 0);
}
