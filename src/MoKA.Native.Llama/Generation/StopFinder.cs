namespace MoKA.Native.Llama.Generation;

/// <summary>
/// Looks for stop strings in a text that comes in pieces. Text passes through at once unless it may be the beginning of a
/// stop string; then it waits until it turns out to be one or not. The first stop string that is complete ends the text,
/// of several that end at one place the longest; how the text is cut into pieces changes nothing.
/// </summary>
/// <param name="stops">The stop strings, none of them empty; compared letter by letter.</param>
public sealed class StopFinder(IReadOnlyList<string> stops)
{
    private string _held = "";

    /// <summary>Whether a stop string has come. Nothing passes any more.</summary>
    public bool Found { get; private set; }

    /// <summary>Takes the next piece and returns what is now known to come before any stop string.</summary>
    public string Append(string piece)
    {
        if (Found) return "";
        string text = _held + piece;
        (int start, Found) = FirstStop(text);
        if (!Found) start = text.Length - LongestBeginning(text);
        _held = Found ? "" : text[start..];
        return text[..start];
    }

    /// <summary>The text has ended: what waited was no stop string.</summary>
    public string Flush()
    {
        (string rest, _held) = (_held, "");
        return rest;
    }

    private (int Start, bool Found) FirstStop(string text)
    {
        (int start, int end) = (0, int.MaxValue);
        foreach (string stop in stops)
        {
            int at = text.IndexOf(stop, StringComparison.Ordinal);
            if (at < 0 || (at + stop.Length, at).CompareTo((end, start)) >= 0) continue;
            (start, end) = (at, at + stop.Length);
        }
        return (start, end < int.MaxValue);
    }

    /// <summary>How many letters at the end of the text begin a stop string.</summary>
    private int LongestBeginning(string text)
    {
        int longest = 0;
        foreach (string stop in stops)
            for (int length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
                if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length))) longest = length;
        return longest;
    }
}
