using System.Text;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>
/// Decodes ids one at a time, as a model makes them, and never breaks a character: text comes out as soon as its UTF-8
/// bytes are complete. The strings joined are <see cref="Tokenizer.Decode"/> of all ids.
/// </summary>
/// <param name="tokenizer">The vocabulary.</param>
/// <param name="continues">
/// Whether the ids follow earlier text, so that a leading space belongs to the text and stays.
/// </param>
public sealed class TokenStream(Tokenizer tokenizer, bool continues = false)
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private bool _atStart = !continues && tokenizer.DropsFirstSpace;

    /// <summary>Takes the next id and returns the text that is complete now, often empty inside a character.</summary>
    /// <exception cref="MokaException">The id is not in the vocabulary.</exception>
    public string Append(int id)
    {
        ReadOnlySpan<byte> bytes = tokenizer.Bytes(id);
        if (_atStart && !bytes.IsEmpty)
        {
            _atStart = false;
            bytes = bytes[0] == ' ' ? bytes[1..] : bytes;
        }

        return Take(bytes, flush: false);
    }

    /// <summary>Ends the text: U+FFFD if bytes of an unfinished character wait, else nothing.</summary>
    public string Flush() => Take([], flush: true);

    private string Take(ReadOnlySpan<byte> bytes, bool flush)
    {
        // Up to three waiting bytes may come out as characters too.
        char[] chars = new char[bytes.Length + 4];
        int count = _decoder.GetChars(bytes, chars, flush);
        return new string(chars, 0, count);
    }
}
