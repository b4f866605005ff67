using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Generation;

/// <summary>Turns ids into the text that may be shown: no broken character, no stop string.</summary>
internal sealed class TextAssembler(Tokenizer tokenizer, IReadOnlyList<string> stops, bool continues)
{
    private readonly TokenStream _stream = new(tokenizer, continues);
    private readonly StopFinder _stops = new(stops);

    public bool Stopped => _stops.Found;

    public string Append(int id) => _stops.Append(_stream.Append(id));

    /// <summary>What waited, once no further id comes.</summary>
    public string Flush()
    {
        string rest = _stops.Append(_stream.Flush());
        return rest + _stops.Flush();
    }
}
