using MoKA.Native.Llama;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;

namespace MoKA.Native.Bench.Steps;

/// <summary>Other weights with the blocks' linear maps in a storage; floats stay as they are.</summary>
internal sealed class StoredWeights(ILlamaWeights weights, WeightStorage storage) : ILlamaWeights
{
    public ITokenTable Embedding(int vocabulary, int hidden) => weights.Embedding(vocabulary, hidden);

    public ILinear Linear(int layer, string kind, int outputs, int inputs)
    {
        ILinear map = weights.Linear(layer, kind, outputs, inputs);
        if (storage == WeightStorage.F32) return map;
        using Parameter weight = ((Linear)map).Weight;
        return new FrozenLinear(storage.Quantize(weight.Data, outputs, inputs));
    }

    public Parameter Bias(int layer, string kind, int outputs) => weights.Bias(layer, kind, outputs);

    public Parameter Norm(int layer, string kind, int hidden) => weights.Norm(layer, kind, hidden);

    public Parameter FinalNorm(int hidden) => weights.FinalNorm(hidden);

    public ILinear Head(int vocabulary, int hidden) => weights.Head(vocabulary, hidden);
}
