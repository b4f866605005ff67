using MoKA.Native.Nn;

namespace MoKA.Native.Llama;

/// <summary>
/// Fresh trainable weights: N(0, 0.02²), the maps that write to the residual stream smaller by √(2 layers) so that the
/// stream does not grow with depth (GPT-2's rule), norms at one, biases at zero.
/// </summary>
public sealed class RandomWeights(LlamaConfig config, ulong seed) : ILlamaWeights
{
    private const float Deviation = 0.02f;
    private ulong _stream;

    /// <inheritdoc/>
    public ITokenTable Embedding(int vocabulary, int hidden) => new Linear(Normal("embedding", vocabulary, hidden, Deviation));

    /// <inheritdoc/>
    public ILinear Linear(int layer, string kind, int outputs, int inputs)
    {
        bool residual = kind is "o" or "down";
        return new Linear(Normal($"layers.{layer}.{kind}", outputs, inputs, residual ? Deviation / MathF.Sqrt(2 * config.Layers) : Deviation));
    }

    /// <inheritdoc/>
    public Parameter Bias(int layer, string kind, int outputs) => new($"layers.{layer}.{kind} bias", new Shape(outputs));

    /// <inheritdoc/>
    public Parameter Norm(int layer, string kind, int hidden) => Ones($"layers.{layer}.{kind} norm", hidden);

    /// <inheritdoc/>
    public Parameter FinalNorm(int hidden) => Ones("final norm", hidden);

    /// <inheritdoc/>
    public ILinear Head(int vocabulary, int hidden) => new Linear(Normal("head", vocabulary, hidden, Deviation));

    private Parameter Normal(string name, int rows, int columns, float deviation)
    {
        Parameter parameter = new(name, new Shape(rows, columns));
        parameter.FillNormal(deviation, seed, _stream++);
        return parameter;
    }

    private static Parameter Ones(string name, int length)
    {
        Parameter parameter = new(name, new Shape(length));
        parameter.Data.Fill(1);
        return parameter;
    }
}
