using System.Globalization;
using System.Text;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>
/// The words of a text, in order and without gaps, as the regular expressions of <see cref="SplitPatterns"/> find them,
/// over code points: letters and digits outside the basic plane count as such, a lone surrogate as U+FFFD. Every
/// character is looked at a bounded number of times.
/// </summary>
internal ref struct PreTokens(ReadOnlySpan<char> text, SplitPattern pattern)
{
    private readonly ReadOnlySpan<char> _text = text;
    private int _start, _length, _end = pattern == SplitPattern.Gpt2Digits ? 0 : text.Length;

    private enum Kind : byte
    {
        Other,
        Letter,
        Number,
        Space,
        Line,
    }

    /// <summary>The word found last.</summary>
    public readonly ReadOnlySpan<char> Current => _text.Slice(_start, _length);

    /// <summary>Finds the next word.</summary>
    public bool MoveNext()
    {
        _start += _length;
        if (_start == _text.Length) return false;
        if (_start == _end) _end += LengthToDigit(_text[_start..]);
        // What a digit ends, ends the text for the pattern: its spaces are the last ones.
        ReadOnlySpan<char> rest = _text[_start.._end];
        _length = pattern == SplitPattern.Llama3 ? Llama3(rest) : Gpt2(rest);
        return true;
    }

    private static int Llama3(ReadOnlySpan<char> text)
    {
        if (Contraction(text, anyCase: true) is int contraction and > 0) return contraction;
        Kind kind = KindAt(text, 0, out int length);

        // [^\r\n\p{L}\p{N}]?\p{L}+
        if (kind is not (Kind.Number or Kind.Line))
        {
            int first = kind == Kind.Letter ? 0 : length;
            int end = EndOf(text, first, Kind.Letter);
            if (end > first) return end;
        }

        // \p{N}{1,3}
        if (kind == Kind.Number)
        {
            for (int count = 1; count < 3 && length < text.Length && KindAt(text, length, out int next) == Kind.Number; count++) length += next;
            return length;
        }

        // ' ?[^\s\p{L}\p{N}]+[\r\n]*'
        int sign = text[0] == ' ' ? 1 : 0, signs = EndOf(text, sign, Kind.Other);
        return signs > sign ? EndOf(text, signs, Kind.Line) : Spaces(text, linesEnd: true);
    }

    private static int Gpt2(ReadOnlySpan<char> text)
    {
        if (Contraction(text, anyCase: false) is int contraction and > 0) return contraction;

        // ' ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+'
        int first = text[0] == ' ' ? 1 : 0;
        Kind kind = first < text.Length ? KindAt(text, first, out _) : Kind.Space;
        return kind is Kind.Space or Kind.Line ? Spaces(text, linesEnd: false) : EndOf(text, first, kind);
    }

    // '\s*[\r\n]+' where lines count, then '\s+(?!\S)|\s+': spaces before a word leave it their last one.
    private static int Spaces(ReadOnlySpan<char> text, bool linesEnd)
    {
        int end = 0, lineEnd = 0;
        for (; end < text.Length && KindAt(text, end, out _) is Kind.Space or Kind.Line; end++)
        {
            if (text[end] is '\r' or '\n') lineEnd = end + 1;
        }
        if (linesEnd && lineEnd > 0) return lineEnd;
        return end == text.Length || end == 1 ? end : end - 1;
    }

    private static int EndOf(ReadOnlySpan<char> text, int start, Kind kind)
    {
        while (start < text.Length && KindAt(text, start, out int length) == kind) start += length;
        return start;
    }

    private static int LengthToDigit(ReadOnlySpan<char> text)
    {
        if (KindAt(text, 0, out int end) == Kind.Number) return end;
        while (end < text.Length && KindAt(text, end, out int length) != Kind.Number) end += length;
        return end;
    }

    // 's 't 'm 'd 're 've 'll. Without regard to case ſ (U+017F) is an s as well, by Unicode's simple case folding.
    private static int Contraction(ReadOnlySpan<char> text, bool anyCase)
    {
        if (text[0] != '\'' || text.Length < 2) return 0;
        char first = Folded(text[1], anyCase), second = text.Length > 2 ? Folded(text[2], anyCase) : '\0';
        return (first, second) switch
        {
            ('s' or 't' or 'm' or 'd', _) => 2,
            ('r' or 'v', 'e') or ('l', 'l') => 3,
            _ => 0,
        };
    }

    private static char Folded(char c, bool anyCase) => !anyCase ? c : c == 'ſ' ? 's' : char.IsAsciiLetterUpper(c) ? (char)(c | 0x20) : c;

    private static Kind KindAt(ReadOnlySpan<char> text, int at, out int length)
    {
        char c = text[at];
        if (c < 128)
        {
            length = 1;
            if (char.IsAsciiLetter(c)) return Kind.Letter;
            if (char.IsAsciiDigit(c)) return Kind.Number;
            return c is '\r' or '\n' ? Kind.Line : c is ' ' or (>= '\t' and <= '\r') ? Kind.Space : Kind.Other;
        }
        Rune.DecodeFromUtf16(text[at..], out Rune rune, out length);
        if (Rune.IsWhiteSpace(rune)) return Kind.Space;
        return Rune.GetUnicodeCategory(rune) switch
        {
            <= UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Kind.Other,
        };
    }
}
