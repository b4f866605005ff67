using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MoKA.Native.Bench.Torch;

/// <summary>y = x·Wᵀ + (α/r)·(x·Aᵀ)·Bᵀ.</summary>
sealed class Lora(int outDim, int inDim, int rank) : Adapter
{
    readonly Parameter _a = Trainable(randn(rank, inDim) / Math.Sqrt(inDim));
    readonly Parameter _b = Trainable(randn(outDim, rank) * 0.01);   // not zero, so that no gradient is
    readonly double _scale = 32.0 / rank;

    public override IEnumerable<Parameter> Parameters => [_a, _b];

    public override Tensor Apply(Tensor x, Tensor w) =>
        Dot(x, w) + nn.functional.linear(nn.functional.linear(x, _a), _b) * _scale;
}
