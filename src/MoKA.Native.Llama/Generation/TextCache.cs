namespace MoKA.Native.Llama.Generation;

/// <summary>
/// The tokens of one text with their keys and values, kept between prompts: a prompt that begins like the text before it only
/// pays for what is new.
/// </summary>
public sealed class TextCache : IDisposable
{
    private readonly List<int> _tokens = [];

    /// <summary>Room for a text of <paramref name="capacity"/> tokens.</summary>
    public TextCache(LlamaConfig config, int capacity) => Values = new KvCache(config, capacity);

    /// <summary>How many tokens fit.</summary>
    public int Capacity => Values.Capacity;

    /// <summary>The ids whose keys and values are held.</summary>
    public IReadOnlyList<int> Tokens => _tokens;

    internal KvCache Values { get; }

    /// <summary>Forgets everything.</summary>
    public void Clear() => Truncate(0);

    /// <summary>Frees the memory.</summary>
    public void Dispose() => Values.Dispose();

    /// <summary>Forgets what a prompt does not begin with and returns how many of its tokens stay; the last is always computed, for its logits.</summary>
    internal int Keep(IReadOnlyList<int> prompt)
    {
        int most = Math.Min(prompt.Count - 1, _tokens.Count), same = 0;
        while (same < most && prompt[same] == _tokens[same]) same++;
        Truncate(same);
        return same;
    }

    internal void Add(ReadOnlySpan<int> tokens) => _tokens.AddRange(tokens);

    private void Truncate(int length)
    {
        Values.Truncate(length);
        _tokens.RemoveRange(length, _tokens.Count - length);
    }
}
