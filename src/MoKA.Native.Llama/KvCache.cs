using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama;

/// <summary>The keys and values of a text so far, [capacity, kvHeads * headDim] per layer, so that a new token only computes its own.</summary>
public sealed class KvCache : IDisposable
{
    private readonly Parameter[] _keys;
    private readonly Parameter[] _values;

    /// <summary>Room for a text of <paramref name="capacity"/> tokens.</summary>
    public KvCache(LlamaConfig config, int capacity)
    {
        if (capacity < 1 || capacity > config.MaxPositions) throw new MokaException($"KvCache: a text may have 1 to {config.MaxPositions} tokens, the model's positions, got {capacity}; shorten the prompt or lower the number of new tokens.");
        Capacity = capacity;
        Parameter[] Make(string name) => [.. Enumerable.Range(0, config.Layers).Select(i => new Parameter($"{name} of layer {i}", new Shape(capacity, config.KeyValueSize), trainable: false))];
        (_keys, _values) = (Make("keys"), Make("values"));
    }

    /// <summary>How many tokens fit.</summary>
    public int Capacity { get; }

    /// <summary>How many tokens are held.</summary>
    public int Length { get; private set; }

    /// <summary>Forgets the tokens from <paramref name="length"/> on.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        foreach (Parameter parameter in _keys) parameter.Dispose();
        foreach (Parameter parameter in _values) parameter.Dispose();
    }

    /// <summary>Writes a layer's keys and values of new tokens [tokens, kvHeads * headDim] behind those held and returns all.</summary>
    internal (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        if (Length + keys.Shape[0] > Capacity) throw new MokaException($"KvCache: it holds {Length} tokens and has room for {Capacity}, got {keys.Shape[0]} more.");
        int start = Length * keys.Shape[1];
        keys.Data.CopyTo(_keys[layer].Data[start..]);
        values.Data.CopyTo(_values[layer].Data[start..]);
        return (_keys[layer], _values[layer]);
    }

    /// <summary>Counts the tokens that every layer has now written.</summary>
    internal void Advance(int tokens) => Length += tokens;
}
