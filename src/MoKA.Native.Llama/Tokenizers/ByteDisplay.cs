using System.Text;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>
/// How byte-level vocabularies spell bytes as characters: printable Latin-1 stands for itself, the other 68 bytes for
/// U+0100 onwards, so that a space is "Ġ". Source: GPT-2.
/// </summary>
internal static class ByteDisplay
{
    private static readonly char[] Chars = MakeChars();
    private static readonly short[] Values = MakeValues();

    /// <summary>The character of a byte.</summary>
    public static char CharOf(byte value) => Chars[value];

    /// <summary>Writes the bytes that a piece spells and returns how many; -1 if a character spells none.</summary>
    public static int Bytes(ReadOnlySpan<char> piece, Span<byte> bytes)
    {
        for (int i = 0; i < piece.Length; i++)
        {
            int value = piece[i] < Values.Length ? Values[piece[i]] : -1;
            if (value < 0) return -1;
            bytes[i] = (byte)value;
        }
        return piece.Length;
    }

    /// <summary>The piece that spells bytes.</summary>
    public static string Piece(ReadOnlySpan<byte> bytes)
    {
        StringBuilder piece = new(bytes.Length);
        foreach (byte value in bytes) piece.Append(Chars[value]);
        return piece.ToString();
    }

    private static char[] MakeChars()
    {
        char[] chars = new char[256];
        int others = 0;
        for (int value = 0; value < 256; value++)
            chars[value] = value is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174 ? (char)value : (char)(256 + others++);
        return chars;
    }

    private static short[] MakeValues()
    {
        short[] values = new short[Chars.Max() + 1];
        Array.Fill(values, (short)-1);
        for (short value = 0; value < 256; value++) values[Chars[value]] = value;
        return values;
    }
}
