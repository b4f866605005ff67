namespace StoryWorld;

/// <summary>Words and sentences that training and test share; none of them is ever an answer.</summary>
internal static class Phrases
{
    public static readonly string[] Adjectives =
        ["red", "blue", "big", "little", "old", "new", "shiny", "green", "yellow", "soft", "pretty", "small", "round", "funny"];

    public static readonly string[] Openings =
    [
        "One day, the sun was warm.", "Once upon a time, there were some good friends.", "It was a fine morning.", "One day, it was cold outside.",
        "It was a happy day.", "One morning, everyone woke up early.", "Once upon a time, it was a sunny day.", "It was a quiet day.",
        "One day, there was a lot to do.", "It was almost night.",
    ];

    public static readonly string[] OpeningsWithNames =
        ["{n} were friends.", "{n} liked to be together.", "One day, {n} went out.", "{n} were very happy.", "Once there were {n}."];

    public static readonly string[] Fillers =
    [
        "A little bird sang.", "The wind was soft.", "A dog barked.", "It was fun.", "Mom smiled.", "Dad laughed.", "Everyone was happy.",
        "The sky was blue.", "A cat looked on.", "They all laughed.", "It did not rain.", "They were not afraid.",
    ];

    public static readonly string[] Closings =
    [
        "Then it was time to go home.", "They had a lot of fun.", "It was a good day.", "At night, they all slept well.", "Everyone was glad.",
        "They said thank you.", "What a nice day it was!", "They wanted to do it again.",
    ];

    public static readonly (string More, string Less)[] PersonComparisons =
    [
        ("taller", "shorter"), ("faster", "slower"), ("older", "younger"), ("stronger", "weaker"), ("louder", "quieter"), ("happier", "sadder"),
        ("braver", "more scared"),
    ];

    public static readonly (string More, string Less)[] ThingComparisons =
        [("bigger", "smaller"), ("newer", "older"), ("longer", "shorter"), ("heavier", "lighter"), ("cleaner", "dirtier")];

    /// <summary>"a new" or "an old".</summary>
    public static string A(string word) => word[0] is 'a' or 'e' or 'i' or 'o' or 'u' ? $"an {word}" : $"a {word}";

    /// <summary>"A or B", in either order.</summary>
    public static string Either(Dice dice, IReadOnlyList<string> pair) => string.Join(" or ", dice.Shuffle(pair));

    /// <summary>"A and B" or "A, B and C".</summary>
    public static string Join(IReadOnlyList<string> names) =>
        $"{string.Join(", ", names.SkipLast(1))} and {names[^1]}";
}
