namespace StoryWorld;

/// <summary>Words made of syllables that look like English and are none of the test's.</summary>
internal static class InventedWords
{
    private static readonly string[] Starts = ["b", "d", "f", "g", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z", "br", "tr", "pl", "ch"];
    private static readonly string[] Vowels = ["a", "e", "i", "o", "u", "ee", "oo", "ai"];
    private static readonly string[] Ends = ["", "", "", "n", "l", "x", "m", "ra", "ko", "by", "ny", "lo", "ta", "vi", "mo"];
    private static readonly HashSet<string> Reserved = [.. Lexicon.Test.All.Select(word => word.ToLowerInvariant())];

    /// <summary>A small word of three letters or more.</summary>
    public static string Noun(Dice dice)
    {
        string word;
        do
        {
            word = dice.Pick(Starts) + dice.Pick(Vowels) + (dice.Chance(1, 2) ? dice.Pick(Starts) + dice.Pick(Vowels) : "") + dice.Pick(Ends);
        }
        while (word.Length < 3 || Reserved.Contains(word));

        return word;
    }

    /// <summary>The same with a capital.</summary>
    public static string Name(Dice dice)
    {
        string word = Noun(dice);
        return char.ToUpperInvariant(word[0]) + word[1..];
    }
}
