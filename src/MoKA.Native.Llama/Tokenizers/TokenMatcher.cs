using System.Buffers;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>Finds certain texts inside others: the first, and the longest where several begin at one place.</summary>
internal sealed class TokenMatcher
{
    private readonly SearchValues<char> _firsts;
    private readonly int[] _lengths;
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);

    public TokenMatcher(IEnumerable<KeyValuePair<string, int>> tokens)
    {
        foreach ((string text, int id) in tokens) _ids.TryAdd(text, id);
        _firsts = SearchValues.Create([.. _ids.Keys.Select(text => text[0]).Distinct()]);
        _lengths = [.. _ids.Keys.Select(text => text.Length).Distinct().OrderDescending()];
    }

    /// <summary>Whether there is nothing to find.</summary>
    public bool IsEmpty => _ids.Count == 0;

    /// <summary>Finds the next one.</summary>
    /// <param name="text">Where to look.</param>
    /// <param name="at">Where it begins.</param>
    /// <param name="length">How long it is.</param>
    /// <param name="id">Its id.</param>
    public bool Find(ReadOnlySpan<char> text, out int at, out int length, out int id)
    {
        at = 0;
        while (!IsEmpty && text[at..].IndexOfAny(_firsts) is int step and >= 0)
        {
            at += step;
            if (StartsWith(text[at..], out length, out id)) return true;
            at++;
        }
        (length, id) = (0, 0);
        return false;
    }

    private bool StartsWith(ReadOnlySpan<char> text, out int length, out int id)
    {
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (int candidate in _lengths)
        {
            if (candidate <= text.Length && lookup.TryGetValue(text[..candidate], out id))
            {
                length = candidate;
                return true;
            }
        }
        (length, id) = (0, 0);
        return false;
    }
}
