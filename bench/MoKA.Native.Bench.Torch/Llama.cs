using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MoKA.Native.Bench.Torch;

sealed record LlamaShape(int Layers, int Dim, int Heads, int Ffn, int Vocab)
{
    public static readonly LlamaShape M110 = new(12, 768, 12, 2048, 32000);
    public int HeadDim => Dim / Heads;
}

/// <summary>A LLaMA with random weights: RMSNorm, RoPE, causal attention, SwiGLU, untied output.</summary>
sealed class Llama
{
    /// <summary>A linear map, frozen with an adapter or trained itself.</summary>
    sealed class Linear
    {
        public readonly Parameter Weight;
        public readonly Adapter? Adapter;

        public Linear(int outDim, int inDim, string mode, ScalarType type, bool adapt = true)
        {
            Weight = Frozen((randn(outDim, inDim) / Math.Sqrt(inDim)).to(type));
            Adapter = adapt ? Torch.Adapter.Create(mode, outDim, inDim) : null;
        }

        public Tensor Apply(Tensor x) => Adapter is null ? Torch.Adapter.Dot(x, Weight) : Adapter.Apply(x, Weight);
    }

    sealed record Block(Parameter AttnNorm, Linear Q, Linear K, Linear V, Linear O, Parameter FfnNorm, Linear Gate, Linear Up, Linear Down)
    {
        public Linear[] Linears => [Q, K, V, O, Gate, Up, Down];
    }

    readonly LlamaShape _s;
    readonly Parameter _embedding, _norm, _cos, _sin;
    readonly Block[] _blocks;
    readonly Linear _output;

    public Llama(LlamaShape shape, string mode, int maxSeq, ScalarType type = ScalarType.Float32)
    {
        using var scope = NewDisposeScope();
        _s = shape;
        _embedding = Frozen(randn(shape.Vocab, shape.Dim));
        _norm = Frozen(ones(shape.Dim));
        _output = new Linear(shape.Vocab, shape.Dim, mode, type, adapt: false);
        Linear L(int o, int i) => new(o, i, mode, type);
        _blocks = [.. Enumerable.Range(0, shape.Layers).Select(_ => new Block(
            Frozen(ones(shape.Dim)), L(shape.Dim, shape.Dim), L(shape.Dim, shape.Dim), L(shape.Dim, shape.Dim), L(shape.Dim, shape.Dim),
            Frozen(ones(shape.Dim)), L(shape.Ffn, shape.Dim), L(shape.Ffn, shape.Dim), L(shape.Dim, shape.Ffn)))];
        var half = shape.HeadDim / 2;
        var freq = pow(10000.0, -arange(0, half, ScalarType.Float32) / half);
        var angle = outer(arange(0, maxSeq, ScalarType.Float32), freq);
        angle = cat([angle, angle], 1);
        (_cos, _sin) = (Frozen(angle.cos()), Frozen(angle.sin()));
    }

    static Parameter Frozen(Tensor t) => (Parameter)new Parameter(t, requires_grad: false).DetachFromDisposeScope();

    IEnumerable<Parameter> BaseWeights =>
        [_embedding, _norm, _output.Weight, .. _blocks.SelectMany(b => b.Linears.Select(l => l.Weight).Append(b.AttnNorm).Append(b.FfnNorm))];

    /// <summary>The adapters' parameters, or every weight of a model without adapters.</summary>
    public Parameter[] TrainableParameters()
    {
        Parameter[] own = [.. _blocks.SelectMany(b => b.Linears).Where(l => l.Adapter is not null).SelectMany(l => l.Adapter!.Parameters)];
        if (own.Length > 0) return own;
        foreach (var w in BaseWeights) w.requires_grad_(true);
        return [.. BaseWeights];
    }

    public long BaseCount => BaseWeights.Sum(w => w.numel());

    /// <summary>Logits [batch·seq, vocab] for tokens [batch, seq].</summary>
    public Tensor Forward(Tensor tokens)
    {
        var (b, n) = (tokens.shape[0], tokens.shape[1]);
        var x = _embedding.index_select(0, tokens.reshape(-1));
        foreach (var block in _blocks) x = Forward(block, x, b, n);
        using var scope = NewDisposeScope();
        return _output.Apply(RmsNorm(x, _norm)).MoveToOuterDisposeScope();
    }

    /// <summary>One block; its own scope releases every intermediate that autograd does not hold.</summary>
    Tensor Forward(Block k, Tensor x, long b, long n)
    {
        using var scope = NewDisposeScope();
        var h = RmsNorm(x, k.AttnNorm);
        var q = Rope(Heads(k.Q.Apply(h), b, n), n);
        var key = Rope(Heads(k.K.Apply(h), b, n), n);
        var v = Heads(k.V.Apply(h), b, n);
        var att = nn.functional.scaled_dot_product_attention(q, key, v, is_casual: true);
        x = x + k.O.Apply(att.transpose(1, 2).reshape(b * n, _s.Dim));
        h = RmsNorm(x, k.FfnNorm);
        x = x + k.Down.Apply(nn.functional.silu(k.Gate.Apply(h)) * k.Up.Apply(h));
        return x.MoveToOuterDisposeScope();
    }

    Tensor Heads(Tensor x, long b, long n) => x.view(b, n, _s.Heads, _s.HeadDim).transpose(1, 2);

    Tensor Rope(Tensor x, long n)
    {
        var half = _s.HeadDim / 2;
        var turned = cat([-x.narrow(-1, half, half), x.narrow(-1, 0, half)], -1);
        return x * _cos.narrow(0, 0, n) + turned * _sin.narrow(0, 0, n);
    }

    static Tensor RmsNorm(Tensor x, Tensor weight) =>
        x * rsqrt(x.pow(2).mean([-1], keepdim: true) + 1e-5) * weight;
}
