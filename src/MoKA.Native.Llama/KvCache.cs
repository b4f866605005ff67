using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama;

/// <summary>
/// The keys and values of texts so far, [capacity, kvHeads * headDim] per layer, so that a new token only computes its own.
/// Several texts lie one behind the other, each with room of its own.
/// </summary>
public sealed class KvCache : IDisposable
{
    private readonly Parameter[] _keys;
    private readonly Parameter[] _values;
    private readonly int[] _rows;
    private readonly int[] _lengths;

    /// <summary>Room for a text of <paramref name="capacity"/> tokens.</summary>
    public KvCache(LlamaConfig config, int capacity) : this(config, [capacity])
    {
    }

    /// <summary>Room for several texts of the given numbers of tokens.</summary>
    public KvCache(LlamaConfig config, ReadOnlySpan<int> capacities)
    {
        _rows = new int[capacities.Length + 1];
        _lengths = new int[capacities.Length];
        for (int i = 0; i < capacities.Length; i++)
        {
            if (capacities[i] < 1 || capacities[i] > config.MaxPositions) throw new MokaException($"KvCache: a text may have 1 to {config.MaxPositions} tokens, the model's positions, got {capacities[i]}; shorten the prompt or lower the number of new tokens.");
            if ((_rows[i] + (long)capacities[i]) * config.KeyValueSize > int.MaxValue) throw new MokaException($"KvCache: {capacities.Length} texts are too many for one cache; generate fewer at once.");
            _rows[i + 1] = _rows[i] + capacities[i];
        }
        Parameter[] Make(string name) => [.. Enumerable.Range(0, config.Layers).Select(i => new Parameter($"{name} of layer {i}", new Shape(_rows[^1], config.KeyValueSize), trainable: false))];
        (_keys, _values) = (Make("keys"), Make("values"));
    }

    /// <summary>How many texts there are.</summary>
    public int Count => _lengths.Length;

    /// <summary>How many tokens of the first text fit.</summary>
    public int Capacity => _rows[1];

    /// <summary>How many tokens of the first text are held.</summary>
    public int Length => _lengths[0];

    /// <summary>How many tokens of a text are held.</summary>
    public int LengthOf(int text) => _lengths[text];

    /// <summary>Forgets the first text's tokens from <paramref name="length"/> on.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        _lengths[0] = length;
    }

    /// <summary>Sequences of new tokens that continue some of the texts.</summary>
    /// <param name="texts">Which texts, ascending.</param>
    /// <param name="starts">[texts + 1], where the new tokens of each begin.</param>
    public Sequences Continue(ReadOnlySpan<int> texts, ReadOnlyMemory<int> starts)
    {
        KeptText[] kept = new KeptText[texts.Length];
        for (int i = 0; i < kept.Length; i++) kept[i] = new KeptText(_rows[texts[i]], _lengths[texts[i]]);
        return new Sequences(starts) { Kept = kept };
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        foreach (Parameter parameter in _keys) parameter.Dispose();
        foreach (Parameter parameter in _values) parameter.Dispose();
    }

    /// <summary>Writes a layer's keys and values of new tokens [tokens, kvHeads * headDim] behind those held of each text and returns all.</summary>
    internal (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values, Sequences sequences)
    {
        int width = keys.Shape[1];
        for (int s = 0; s < sequences.Count; s++)
        {
            int text = TextAt(sequences.FirstKey(s)), length = sequences.Length(s), capacity = _rows[text + 1] - _rows[text];
            if (_lengths[text] + length > capacity) throw new MokaException($"KvCache: it holds {_lengths[text]} tokens and has room for {capacity}, got {length} more.");
            int from = sequences.First(s) * width, to = (_rows[text] + _lengths[text]) * width;
            keys.Data.Slice(from, length * width).CopyTo(_keys[layer].Data[to..]);
            values.Data.Slice(from, length * width).CopyTo(_values[layer].Data[to..]);
        }
        return (_keys[layer], _values[layer]);
    }

    /// <summary>Counts the tokens that every layer has now written.</summary>
    internal void Advance(Sequences sequences)
    {
        for (int s = 0; s < sequences.Count; s++) _lengths[TextAt(sequences.FirstKey(s))] += sequences.Length(s);
    }

    private int TextAt(int row) => Array.BinarySearch(_rows, row);
}
