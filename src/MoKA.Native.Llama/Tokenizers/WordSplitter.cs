using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>Cuts text into the words inside which a trained BPE may merge.</summary>
internal static class WordSplitter
{
    // A word is "▁", letters, or other signs, or "▁" followed by one of the latter two; anything else stands alone.
    private enum Kind
    {
        Space,
        Letter,
        Sign,
        Single,
    }

    /// <summary>Counts the words of all documents.</summary>
    public static Dictionary<string, long> Count(IEnumerable<string> documents, bool addDummyPrefix)
    {
        Dictionary<string, long> counts = new(StringComparer.Ordinal);
        Dictionary<string, long>.AlternateLookup<ReadOnlySpan<char>> lookup = counts.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (string document in documents)
        {
            string text = SentencePieceTokenizer.Escape(document, addDummyPrefix);
            for (int start = 0; start < text.Length;)
            {
                ReadOnlySpan<char> word = text.AsSpan(start, LengthOfWord(text.AsSpan(start)));
                CollectionsMarshal.GetValueRefOrAddDefault(lookup, word, out _)++;
                start += word.Length;
            }
        }

        return counts;
    }

    /// <summary>The number of characters of the word at the front of a text that is not empty.</summary>
    public static int LengthOfWord(ReadOnlySpan<char> text)
    {
        Rune.DecodeFromUtf16(text, out Rune rune, out int length);
        Kind kind = KindOf(rune);
        while (kind != Kind.Single && length < text.Length)
        {
            Rune.DecodeFromUtf16(text[length..], out rune, out int consumed);
            Kind following = KindOf(rune);
            bool joins = following is Kind.Letter or Kind.Sign && (kind == Kind.Space || kind == following);
            if (!joins)
            {
                break;
            }

            kind = following;
            length += consumed;
        }

        return length;
    }

    private static Kind KindOf(Rune rune)
    {
        if (rune.Value == SentencePieceTokenizer.Space)
        {
            return Kind.Space;
        }

        if (Rune.IsControl(rune) || Rune.IsWhiteSpace(rune) || Rune.IsNumber(rune))
        {
            return Kind.Single;
        }

        bool mark = Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;
        return Rune.IsLetter(rune) || mark ? Kind.Letter : Kind.Sign;
    }
}
