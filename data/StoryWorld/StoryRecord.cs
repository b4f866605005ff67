using System.Text.RegularExpressions;

namespace StoryWorld;

/// <summary>A question about a story, with the answers that a guesser would choose from.</summary>
internal sealed record StoryRecord(Kind Kind, string Question, string Story, string Answer, string[] Candidates)
{
    /// <summary>The candidates by where the story mentions them first; true before false.</summary>
    public string[] ByFirstMention => Kind == Kind.TrueFalse ? Candidates : [.. Candidates.OrderBy(word => Places(word).First())];

    /// <summary>The candidates by where the story mentions them last; true before false.</summary>
    public string[] ByLastMention => Kind == Kind.TrueFalse ? Candidates : [.. Candidates.OrderBy(word => Places(word).Last())];

    private IEnumerable<int> Places(string word) => Regex.Matches(Story, $@"\b{Regex.Escape(word)}\b").Select(match => match.Index);
}
