using System.Text;
using System.Text.RegularExpressions;

namespace StoryWorld;

/// <summary>
/// Puts capitals back into lower-cased stories: at the beginning of sentences and of speech, in "I", and in words that
/// cased stories write with a capital inside sentences more often than not.
/// </summary>
internal sealed partial class Recaser
{
    private static readonly HashSet<string> Speech =
    [
        "said", "says", "asked", "shouted", "cried", "replied", "exclaimed", "yelled", "called", "whispered", "answered", "laughed",
        "screamed", "thought",
    ];

    private readonly HashSet<string> _capital = ["i"];

    public Recaser(IEnumerable<string> casedStories)
    {
        Dictionary<string, int> balance = [];
        foreach (Match word in casedStories.SelectMany(story => WordInside().Matches(story)))
        {
            string lower = word.Value.ToLowerInvariant();
            balance[lower] = balance.GetValueOrDefault(lower) + (char.IsAsciiLetterUpper(word.Value[0]) ? 1 : -1);
        }

        _capital.UnionWith(balance.Where(pair => pair.Value > 0).Select(pair => pair.Key));
    }

    public string Recase(string story)
    {
        StringBuilder text = new(story);
        foreach (Match word in Word().Matches(story))
        {
            if (_capital.Contains(word.Value) || BeginsSentence(story, word.Index))
            {
                text[word.Index] = char.ToUpperInvariant(text[word.Index]);
            }
        }

        return text.ToString();
    }

    private static bool BeginsSentence(string story, int index)
    {
        ReadOnlySpan<char> before = story.AsSpan(0, index);
        if (before.IsEmpty || before[^1] == '\n')
        {
            return true;
        }

        if (before[^1] == '"')
        {
            return before.Length == 1 || char.IsWhiteSpace(before[^2]);
        }

        ReadOnlySpan<char> end = before.TrimEnd("\" ");
        bool isEnd = !end.IsEmpty && end[^1] is '.' or '!' or '?';
        bool isAfterSpeech = before.EndsWith("\" ", StringComparison.Ordinal);
        return isEnd && !(isAfterSpeech && end[^1] != '.' && NamesSpeaker(story, index));
    }

    // After "Help!" come both: she cried, and: She ran home.
    private static bool NamesSpeaker(string story, int index) =>
        Word().Matches(story[index..Math.Min(index + 40, story.Length)]).Take(4).Any(word => Speech.Contains(word.Value));

    [GeneratedRegex("(?<=[A-Za-z],? )[A-Za-z]+")]
    private static partial Regex WordInside();

    [GeneratedRegex("(?<![a-z']|[a-z]-)[a-z]+")]
    private static partial Regex Word();
}
