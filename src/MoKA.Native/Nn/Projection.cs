using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Ops;

namespace MoKA.Native.Nn;

/// <summary>
/// A named place in a model that holds a linear map and lets it be replaced: where an adapter is put around a weight and
/// taken off again. The model calls the place and never knows what stands in it. A bias belongs to the place, not to the
/// map: y = map(x) + b.
/// </summary>
public sealed class Projection : ILinear
{
    /// <summary>A place with its first map.</summary>
    /// <param name="name">Unique in the model: layers.3.attention.query.</param>
    /// <param name="kind">Which role it plays, shared by all layers: q.</param>
    /// <param name="linear">What stands here.</param>
    /// <param name="bias">What is added to the map's outputs [Out], if anything.</param>
    public Projection(string name, string kind, ILinear linear, Parameter? bias = null)
    {
        if (bias is not null && bias.Shape != new Shape(linear.Out)) throw new MokaException($"{name}: the bias must be [{linear.Out}], a number for each output, got {bias}.");
        (Name, Kind, Current, Bias) = (name, kind, linear, bias);
    }

    /// <summary>Unique in the model.</summary>
    public string Name { get; }

    /// <summary>The role, shared by all layers.</summary>
    public string Kind { get; }

    /// <summary>What stands here now.</summary>
    public ILinear Current { get; private set; }

    /// <summary>What is added to the map's outputs [Out], or null.</summary>
    public Parameter? Bias { get; }

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
    public Tensor Forward(Tape tape, Tensor x)
    {
        Tensor y = Current.Forward(tape, x);
        return Bias is null ? y : Op.AddBias(tape, y, Bias, inPlace: true);
    }

    /// <summary>Writes the map's matrix [Out, In]; the bias is no part of it.</summary>
    public void CopyWeight(Span<float> weight) => Current.CopyWeight(weight);
}
