namespace MoKA.Native.Llama.Chat;

/// <summary>Collects segments; text beside text becomes one.</summary>
internal sealed class ChatWriter
{
    private readonly List<ChatSegment> _segments = [];

    public IReadOnlyList<ChatSegment> Segments => _segments;

    public ChatWriter Text(string text)
    {
        if (text.Length == 0) return this;
        if (_segments.Count > 0 && !_segments[^1].Special) _segments[^1] = new ChatSegment(_segments[^1].Text + text, Special: false);
        else _segments.Add(new ChatSegment(text, Special: false));
        return this;
    }

    public ChatWriter Special(string name)
    {
        _segments.Add(new ChatSegment(name, Special: true));
        return this;
    }
}
