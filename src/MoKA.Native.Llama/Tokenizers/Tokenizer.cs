using System.Buffers;
using System.Text;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>
/// Turns text into the ids that a model reads, and ids into text. Immutable, so threads may share it.
/// <see cref="TokenizerFile"/> reads one.
/// </summary>
public abstract class Tokenizer
{
    private readonly TokenMatcher _cutting, _parsing;

    private protected Tokenizer(Vocabulary vocabulary, int? bos, int? eos, IEnumerable<int> cutting)
    {
        Vocabulary = vocabulary;
        (BosId, EosId) = (Known(bos, "BOS"), Known(eos, "EOS"));
        ControlIds = [.. vocabulary.Of(PieceType.Unknown, PieceType.Control)];
        int[] always = [.. cutting];
        _cutting = Matcher(always);
        _parsing = Matcher(always.Concat(ControlIds));
    }

    /// <summary>The number of pieces; ids are 0 to one less.</summary>
    public int VocabularySize => Vocabulary.Count;

    /// <summary>The id that begins a sequence, as the tokenizer's file says; null when it names none.</summary>
    public int? BosId { get; }

    /// <summary>The id that ends a sequence, as the tokenizer's file says; null when it names none.</summary>
    public int? EosId { get; }

    /// <summary>The special tokens, ascending: they begin, end and part texts, or stand for unknown text, and have no text of their own.</summary>
    public IReadOnlyList<int> ControlIds { get; }

    internal Vocabulary Vocabulary { get; }

    /// <summary>Whether decoding drops a space at the start, because encoding puts one there.</summary>
    internal abstract bool DropsFirstSpace { get; }

    /// <summary>The piece of an id as the vocabulary spells it: "▁the", "Ġthe", "&lt;0x0A&gt;".</summary>
    /// <exception cref="MokaException">The id is not in the vocabulary.</exception>
    public string Piece(int id) => Vocabulary[Checked(id)];

    /// <summary>Finds the id of a piece, spelt as the vocabulary does.</summary>
    public bool TryGetId(string piece, out int id) => Vocabulary.TryGetId(piece, out id);

    /// <summary>The UTF-8 bytes that an id stands for; none for a special token. They may be a part of a character.</summary>
    /// <exception cref="MokaException">The id is not in the vocabulary.</exception>
    public ReadOnlySpan<byte> Bytes(int id) => Vocabulary.Bytes(Checked(id));

    /// <summary>Turns text into ids. A lone surrogate is read as U+FFFD.</summary>
    /// <param name="text">Any text. The empty text has no ids.</param>
    /// <param name="addBos">Whether <see cref="BosId"/>, if there is one, comes first: once, also when the parsed text begins with it.</param>
    /// <param name="parseSpecial">Whether a special token written in the text, such as &lt;/s&gt;, becomes its id. Leave it off for text that a user gives.</param>
    public int[] Encode(string text, bool addBos = false, bool parseSpecial = false)
    {
        List<int> ids = new(text.Length / 3 + 2);
        Encode(text, ids, addBos, parseSpecial);
        return [.. ids];
    }

    /// <summary>Turns text into ids and appends them to a list; allocates nothing but the list's growth.</summary>
    /// <param name="text">Any text. The empty text has no ids.</param>
    /// <param name="ids">Where the ids go.</param>
    /// <param name="addBos">Whether <see cref="BosId"/>, if there is one, comes first: once, also when the parsed text begins with it.</param>
    /// <param name="parseSpecial">Whether a special token written in the text becomes its id.</param>
    public void Encode(ReadOnlySpan<char> text, List<int> ids, bool addBos = false, bool parseSpecial = false)
    {
        bool bosIsThere = addBos && BosId is not null;
        if (bosIsThere) ids.Add(BosId!.Value);
        TokenMatcher tokens = parseSpecial ? _parsing : _cutting;
        BpeScratch scratch = default;
        try
        {
            int start = 0;
            while (tokens.Find(text[start..], out int at, out int length, out int id))
            {
                EncodePlain(text.Slice(start, at), start == 0, ids, ref scratch);
                if (!(bosIsThere && start + at == 0 && id == BosId)) ids.Add(id);
                start += at + length;
            }
            EncodePlain(text[start..], start == 0, ids, ref scratch);
        }
        finally
        {
            scratch.Dispose();
        }
    }

    /// <summary>
    /// The text of ids. Special tokens have none; bytes that are not UTF-8 become U+FFFD. It undoes <see cref="Encode(string, bool, bool)"/>,
    /// except where a tokenizer itself loses something: SentencePiece's turn "▁" (U+2581) into a space.
    /// </summary>
    /// <exception cref="MokaException">An id is not in the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids)
    {
        ArrayBufferWriter<byte> bytes = new(4 * ids.Length + 1);
        foreach (int id in ids) bytes.Write(Bytes(id));
        ReadOnlySpan<byte> text = bytes.WrittenSpan;
        return Encoding.UTF8.GetString(DropsFirstSpace && text.StartsWith(" "u8) ? text[1..] : text);
    }

    /// <summary>Encodes text between special tokens.</summary>
    /// <param name="text">The text, which may be empty.</param>
    /// <param name="first">Whether no special token is before it.</param>
    /// <param name="ids">Where the ids go.</param>
    /// <param name="scratch">Working memory.</param>
    private protected abstract void EncodePlain(ReadOnlySpan<char> text, bool first, List<int> ids, ref BpeScratch scratch);

    private TokenMatcher Matcher(IEnumerable<int> ids) => new(ids.Select(id => KeyValuePair.Create(Vocabulary[id], id)));

    private int? Known(int? id, string what) => id is not { } value || (uint)value < (uint)VocabularySize
        ? id
        : throw new MokaException($"Tokenizer: the id of {what} must be in [0, {VocabularySize}), got {value}; fetch the file again.");

    private int Checked(int id) => (uint)id < (uint)VocabularySize
        ? id
        : throw new MokaException($"Tokenizer: an id must be in [0, {VocabularySize}), got {id}; the model and the tokenizer do not belong together.");
}
