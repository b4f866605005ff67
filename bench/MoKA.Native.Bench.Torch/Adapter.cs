using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MoKA.Native.Bench.Torch;

/// <summary>What a trainable adapter adds to the frozen linear map x·Wᵀ (x is [tokens, in]).</summary>
abstract class Adapter
{
    public abstract Tensor Apply(Tensor x, Tensor frozen);
    public abstract IEnumerable<Parameter> Parameters { get; }

    /// <summary>x·Wᵀ computed in W's own type, returned in x's.</summary>
    public static Tensor Dot(Tensor x, Tensor w) =>
        w.dtype == x.dtype ? nn.functional.linear(x, w) : nn.functional.linear(x.to(w.dtype), w).to(x.dtype);

    protected static Parameter Trainable(Tensor t) => (Parameter)new Parameter(t).DetachFromDisposeScope();

    public static Adapter? Create(string mode, int outDim, int inDim) => mode switch
    {
        "lora" => new Lora(outDim, inDim, rank: 16),
        "moka-loop" => new Moka(outDim, inDim, MokaForm.Loop),
        "moka-stacked" => new Moka(outDim, inDim, MokaForm.Stacked),
        "moka-dense" => new Moka(outDim, inDim, MokaForm.Dense),
        _ => null,
    };
}
