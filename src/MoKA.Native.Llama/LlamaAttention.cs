using MoKA.Native.Autograd;
using MoKA.Native.Nn;
using MoKA.Native.Ops;

namespace MoKA.Native.Llama;

/// <summary>Grouped-query self-attention with rotary positions: o(attention(rope(q(x)), rope(k(x)), v(x))).</summary>
public sealed class LlamaAttention
{
    private readonly LlamaConfig _config;
    private readonly RopeTable _rope;
    private readonly int _layer;

    internal LlamaAttention(LlamaConfig config, RopeTable rope, int layer, Func<string, int, int, Projection> projection)
    {
        (_config, _rope, _layer) = (config, rope, layer);
        Query = projection("q", config.QuerySize, config.HiddenSize);
        Key = projection("k", config.KeyValueSize, config.HiddenSize);
        Value = projection("v", config.KeyValueSize, config.HiddenSize);
        Output = projection("o", config.HiddenSize, config.QuerySize);
    }

    /// <summary>[heads * headDim, hidden].</summary>
    public Projection Query { get; }

    /// <summary>[kvHeads * headDim, hidden].</summary>
    public Projection Key { get; }

    /// <summary>[kvHeads * headDim, hidden].</summary>
    public Projection Value { get; }

    /// <summary>[hidden, heads * headDim].</summary>
    public Projection Output { get; }

    /// <summary>[tokens, hidden] to [tokens, hidden]; with a cache, the tokens continue texts that it holds.</summary>
    public Tensor Forward(Tape tape, Tensor x, Sequences sequences, KvCache? cache)
    {
        Tensor q = Op.Rope(tape, Query.Forward(tape, x), _rope, sequences, inPlace: true);
        Tensor k = Op.Rope(tape, Key.Forward(tape, x), _rope, sequences, inPlace: true);
        Tensor v = Value.Forward(tape, x);
        if (cache is null) return Output.Forward(tape, Op.Attention(tape, q, k, v, _config.Heads, _config.KeyValueHeads, sequences));
        (Tensor keys, Tensor values) = cache.Append(_layer, k, v, sequences);
        return Output.Forward(tape, Op.CachedAttention(tape, q, keys, values, _config.Heads, _config.KeyValueHeads, sequences));
    }
}
