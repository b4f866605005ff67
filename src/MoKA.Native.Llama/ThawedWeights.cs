using MoKA.Native.Nn;

namespace MoKA.Native.Llama;

/// <summary>The weights of another model as trainable floats, quantised ones as the floats they stand for.</summary>
public sealed class ThawedWeights(LlamaModel source) : ILlamaWeights
{
    /// <inheritdoc/>
    public ITokenTable Embedding(int vocabulary, int hidden) => Copy(source.Embedding);

    /// <inheritdoc/>
    public ILinear Linear(int layer, string kind, int outputs, int inputs) => Copy(source.Projection(layer, kind));

    /// <inheritdoc/>
    public Parameter Bias(int layer, string kind, int outputs) => Copy(source.Projection(layer, kind).Bias!);

    /// <inheritdoc/>
    public Parameter Norm(int layer, string kind, int hidden) => Copy(source.NormOf(layer, kind));

    /// <inheritdoc/>
    public Parameter FinalNorm(int hidden) => Copy(source.Norm);

    /// <inheritdoc/>
    public ILinear Head(int vocabulary, int hidden) => Copy(source.Head);

    private static Parameter Copy(Parameter from)
    {
        Parameter copy = new(from.Name, from.Shape);
        from.Data.CopyTo(copy.Data);
        return copy;
    }

    private static Linear Copy(ILinear from)
    {
        Parameter weight = new("weight", new Shape(from.Out, from.In));
        from.CopyWeight(weight.Data);
        return new Linear(weight);
    }
}
