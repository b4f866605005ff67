using System.Text;

namespace MoKA.Native.Tests.Llama.Tokenizers;

/// <summary>Texts that try tokenizers hard, from a seed.</summary>
internal static class RandomTexts
{
    private static readonly string[] Parts =
        ["a", "b", " ", "  ", "\n", "\r\n", "\t", "'", "'s", "'LL", "'ſ", "!", "...", "1", "2345", "é", "漢", "𠀀", "𝟘", "🎈", "\u00a0", "\u2003", "\u0301", "▁", "Ġ", "<s>", "word", "Words", "\0", "\u0085", "٣", "Ⅳ", "½"];

    /// <summary>Letters of all kinds, spaces of all kinds, digits, signs, planes.</summary>
    public static string Mixed(int seed)
    {
        Random random = new(seed);
        StringBuilder text = new();
        for (int i = random.Next(40); i >= 0; i--) text.Append(Parts[random.Next(Parts.Length)]);
        return text.ToString();
    }

    /// <summary>Runs and repetitions, where pairs of equal rank overlap.</summary>
    public static string Runs(int seed)
    {
        Random random = new(seed);
        StringBuilder text = new();
        for (int i = random.Next(6); i >= 0; i--)
        {
            string part = Parts[random.Next(Parts.Length)] + (random.Next(2) == 0 ? "" : Parts[random.Next(Parts.Length)]);
            for (int j = random.Next(30); j >= 0; j--) text.Append(part);
        }
        return text.ToString();
    }

    /// <summary>41 to 240 of few letters: words long enough for a queue, in which many pairs compete.</summary>
    public static string Letters(int seed)
    {
        Random random = new(seed);
        return string.Concat(Enumerable.Range(0, random.Next(41, 241)).Select(_ => "aaabbcü"[random.Next(7)]));
    }

    /// <summary>Any well-formed text: every code point is as likely as any other of its length.</summary>
    public static string Unicode(int seed)
    {
        Random random = new(seed);
        StringBuilder text = new();
        for (int i = random.Next(60); i >= 0; i--)
        {
            int limit = random.Next(4) switch { 0 => 0x80, 1 => 0x800, 2 => 0x10000, _ => 0x110000 };
            int value = random.Next(limit);
            if (Rune.IsValid(value)) text.Append(new Rune(value));
        }
        return text.ToString();
    }
}
