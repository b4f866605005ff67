using MoKA.Native.Nn;

namespace MoKA.Native.Llama;

/// <summary>Where a model's weights come from: fresh random numbers, or a checkpoint in some format.</summary>
public interface ILlamaWeights
{
    /// <summary>The token table [vocabulary, hidden].</summary>
    ITokenTable Embedding(int vocabulary, int hidden);

    /// <summary>A layer's linear map [outputs, inputs]; kind is q, k, v, o, gate, up or down.</summary>
    ILinear Linear(int layer, string kind, int outputs, int inputs);

    /// <summary>What a layer's linear map of that kind adds to its outputs [outputs]; asked for where the config says there is a bias.</summary>
    Parameter Bias(int layer, string kind, int outputs);

    /// <summary>A layer's norm [hidden]; kind is attention or mlp.</summary>
    Parameter Norm(int layer, string kind, int hidden);

    /// <summary>The norm before the head [hidden].</summary>
    Parameter FinalNorm(int hidden);

    /// <summary>The head [vocabulary, hidden] of a model whose head is not the token table.</summary>
    ILinear Head(int vocabulary, int hidden);
}
