using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Nn;
using MoKA.Native.Tests.Adapters;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Llama;

/// <summary>A LLaMA from the textbook's operations in double, adapters as the dense matrices that they stand for.</summary>
internal sealed class LlamaReference(LlamaModel model, ExactNumbers numbers)
{
    private readonly Dictionary<ILinear, Matrix<double>> _frozen = [];

    /// <summary>[tokens, vocabulary].</summary>
    public Matrix<double> Logits(int[] tokens, int[] starts)
    {
        LlamaConfig config = model.Config;
        Func<int, double, double>? scale = config.RopeScaling is { } scaling ? scaling.Scale : null;
        Matrix<double> x = Textbook.Embedding(Weight(model.Embedding), tokens);
        foreach (LlamaBlock block in model.Blocks)
        {
            Matrix<double> h = Norm(x, block.AttentionNorm);
            LlamaAttention a = block.Attention;
            Matrix<double> q = Textbook.Rope(Apply(a.Query, h), config.HeadDim, config.RopeTheta, starts, scale: scale);
            Matrix<double> k = Textbook.Rope(Apply(a.Key, h), config.HeadDim, config.RopeTheta, starts, scale: scale);
            Matrix<double> attended = Textbook.Attention(q, k, Apply(a.Value, h), config.Heads, config.KeyValueHeads, starts);
            x = Textbook.Add(x, Apply(a.Output, attended));
            h = Norm(x, block.MlpNorm);
            x = Textbook.Add(x, Apply(block.Mlp.Down, Textbook.SwiGlu(Apply(block.Mlp.Gate, h), Apply(block.Mlp.Up, h))));
        }
        return Apply(model.Head, Norm(x, model.Norm));
    }

    private Matrix<double> Norm(Matrix<double> x, Parameter gain) => Textbook.RmsNorm(x, numbers.Of(gain), model.Config.RmsNormEpsilon);

    private Matrix<double> Apply(ILinear map, Matrix<double> x)
    {
        Matrix<double> y = Textbook.MatMul(x, Weight(map).Transposed);
        return map is Projection { Bias: { } bias } ? Textbook.AddBias(y, numbers.Of(bias)) : y;
    }

    private Matrix<double> Weight(ILinear map) => map switch
    {
        Projection place => Weight(place.Current),
        AdaptedLinear adapted => Textbook.Add(Weight(adapted.Frozen), MokaReference.DenseDelta((MokaAdapter)adapted.Adapter, numbers)),
        Linear linear => numbers.Of(linear.Weight),
        _ => _frozen.TryGetValue(map, out Matrix<double>? dense) ? dense : _frozen[map] = FrozenMaps.Dense(map),
    };
}
