using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests;

/// <summary>Models small enough for plain loops, with weights large enough that every part of them shows in the logits.</summary>
internal static class TinyLlama
{
    /// <summary>Two blocks, four query heads to two key-value heads, lengths that int4 blocks fit.</summary>
    public static LlamaConfig Config { get; } = new()
    {
        VocabularySize = 23,
        HiddenSize = 32,
        IntermediateSize = 64,
        Layers = 2,
        Heads = 4,
        KeyValueHeads = 2,
        HeadDim = 8,
        MaxPositions = 24,
        RmsNormEpsilon = 1e-5f,
    };

    /// <summary>The same with what later LLaMAs and their relatives add: scaled rotary frequencies, biases, heads of their own width.</summary>
    public static LlamaConfig Extended { get; } = Config with { HeadDim = 16, AttentionBias = true, MlpBias = true, RopeTheta = 100, RopeScaling = new Llama3RopeScaling(8, 1, 4, 16) };

    /// <summary>A model with trainable float weights, or with its linear maps in 4 bits.</summary>
    public static LlamaModel Create(LlamaConfig config, bool int4 = false, ulong seed = 1) =>
        new(config with { LinearStorage = int4 ? WeightStorage.Q4_0 : WeightStorage.F32 }, new Weights(config, int4, seed));

    /// <summary>A MoKA on the targets with every parameter away from where it starts; the model is frozen, nothing is attached.</summary>
    public static AdapterSet Adapt(LlamaModel model, string targets = "all", MokaOptions? options = null)
    {
        model.Freeze();
        options ??= new MokaOptions { Filters = 3 };
        AdapterSet adapters = new(model.Projections, AdapterTargets.Parse(targets), (p, place) => new MokaAdapter(p.Out, p.In, options, seed: 9, place));
        IReadOnlyList<Parameter> parameters = adapters.Parameters;
        for (int i = 0; i < parameters.Count; i++) parameters[i].FillNormal(0.2f, seed: 12, (ulong)i);
        return adapters;
    }

    private sealed class Weights(LlamaConfig config, bool int4, ulong seed) : ILlamaWeights
    {
        private ulong _stream;

        public ITokenTable Embedding(int vocabulary, int hidden) => new Linear(Normal("embedding", new Shape(vocabulary, hidden), 1));

        public ILinear Linear(int layer, string kind, int outputs, int inputs)
        {
            Parameter weight = Normal($"layers.{layer}.{kind}", new Shape(outputs, inputs), 1 / MathF.Sqrt(inputs));
            if (!int4) return new Linear(weight);
            using (weight) return new FrozenLinear(BlockMatrix.Quantize(weight.Data, outputs, inputs, BlockType.Q4_0));
        }

        public Parameter Bias(int layer, string kind, int outputs) => Normal($"layers.{layer}.{kind} bias", new Shape(outputs), 0.5f);

        public Parameter Norm(int layer, string kind, int hidden) => Gain($"layers.{layer}.{kind} norm", hidden);

        public Parameter FinalNorm(int hidden) => Gain("final norm", hidden);

        public ILinear Head(int vocabulary, int hidden) => new Linear(Normal("head", new Shape(vocabulary, hidden), 1 / MathF.Sqrt(config.HiddenSize)));

        private Parameter Gain(string name, int hidden)
        {
            Parameter gain = Normal(name, new Shape(hidden), 0.2f);
            foreach (ref float g in gain.Data) g += 1;
            return gain;
        }

        private Parameter Normal(string name, Shape shape, float deviation)
        {
            Parameter parameter = new(name, shape);
            parameter.FillNormal(deviation, seed, _stream++);
            return parameter;
        }
    }
}
