using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Nn;

/// <summary>
/// A named place in a model that holds a linear map and lets it be replaced: where an adapter is put around a weight and
/// taken off again. The model calls the place and never knows what stands in it.
/// </summary>
public sealed class Projection : ILinear
{
    /// <summary>A place with its first map.</summary>
    /// <param name="name">Unique in the model: layers.3.attention.query.</param>
    /// <param name="kind">Which role it plays, shared by all layers: q.</param>
    /// <param name="linear">What stands here.</param>
    public Projection(string name, string kind, ILinear linear) => (Name, Kind, Current) = (name, kind, linear);

    /// <summary>Unique in the model.</summary>
    public string Name { get; }

    /// <summary>The role, shared by all layers.</summary>
    public string Kind { get; }

    /// <summary>What stands here now.</summary>
    public ILinear Current { get; private set; }

    /// <inheritdoc/>
    public int In => Current.In;

    /// <inheritdoc/>
    public int Out => Current.Out;

    /// <summary>Puts another map of the same lengths here.</summary>
    public void Replace(ILinear linear)
    {
        if (linear.In != In || linear.Out != Out) throw new MokaException($"{Name}: a map from {In} to {Out} stands here, got one from {linear.In} to {linear.Out}.");
        Current = linear;
    }

    /// <inheritdoc/>
    public Tensor Forward(Tape tape, Tensor x) => Current.Forward(tape, x);

    /// <inheritdoc/>
    public void CopyWeight(Span<float> weight) => Current.CopyWeight(weight);
}
