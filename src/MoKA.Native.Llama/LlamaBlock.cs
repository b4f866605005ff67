using System.Globalization;
using MoKA.Native.Autograd;
using MoKA.Native.Nn;
using MoKA.Native.Ops;

namespace MoKA.Native.Llama;

/// <summary>One layer: x ← x + attention(norm(x)), then x ← x + mlp(norm(x)).</summary>
public sealed class LlamaBlock
{
    private readonly float _epsilon;

    internal LlamaBlock(LlamaConfig config, RopeTable rope, int layer, ILlamaWeights weights)
    {
        _epsilon = config.RmsNormEpsilon;
        Projection Make(string kind, int outputs, int inputs) =>
            new(NameOf(layer, kind), kind, weights.Linear(layer, kind, outputs, inputs), config.HasBias(kind) ? weights.Bias(layer, kind, outputs) : null);
        AttentionNorm = weights.Norm(layer, "attention", config.HiddenSize);
        Attention = new LlamaAttention(config, rope, layer, Make);
        MlpNorm = weights.Norm(layer, "mlp", config.HiddenSize);
        Mlp = new LlamaMlp(config, Make);
    }

    /// <summary>The gain before attention [hidden].</summary>
    public Parameter AttentionNorm { get; }

    /// <summary>The attention layer.</summary>
    public LlamaAttention Attention { get; }

    /// <summary>The gain before the feed-forward layer [hidden].</summary>
    public Parameter MlpNorm { get; }

    /// <summary>The feed-forward layer.</summary>
    public LlamaMlp Mlp { get; }

    /// <summary>The seven linear maps, in the order in which they are used.</summary>
    public IEnumerable<Projection> Projections => [Attention.Query, Attention.Key, Attention.Value, Attention.Output, Mlp.Gate, Mlp.Up, Mlp.Down];

    /// <summary>What a layer's linear map of a kind is called: layers.3.q.</summary>
    internal static string NameOf(int layer, string kind) => string.Create(CultureInfo.InvariantCulture, $"layers.{layer}.{kind}");

    /// <summary>[tokens, hidden] to [tokens, hidden].</summary>
    public Tensor Forward(Tape tape, Tensor x, Sequences sequences, KvCache? cache)
    {
        // Not kept for the way back: cheap to make again, and an eighth of what a block would keep.
        Tensor normed = Op.RmsNorm(tape, x, AttentionNorm, _epsilon), change = Attention.Forward(tape, normed, sequences, cache);
        Op.ForgetRmsNorm(tape, normed, x, AttentionNorm, _epsilon, change);
        x = Op.Add(tape, x, change, inPlace: true);
        normed = Op.RmsNorm(tape, x, MlpNorm, _epsilon);
        change = Mlp.Forward(tape, normed);
        Op.ForgetRmsNorm(tape, normed, x, MlpNorm, _epsilon, change);
        return Op.Add(tape, x, change, inPlace: true);
    }
}
