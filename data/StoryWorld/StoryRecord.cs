using System.Text.RegularExpressions;

namespace StoryWorld;

/// <summary>A question about a story, with the answers that a guesser would choose from.</summary>
/// <param name="Kind">What is asked for.</param>
/// <param name="Question">The question.</param>
/// <param name="Story">The story.</param>
/// <param name="Answer">The one right answer.</param>
/// <param name="Candidates">The answers that a guesser picks from.</param>
/// <param name="HasRivals">Whether the story gives the answer's part to others too, so that one must read who did what.</param>
internal sealed record StoryRecord(Kind Kind, string Question, string Story, string Answer, string[] Candidates, bool HasRivals)
{
    /// <summary>The candidates by where the story mentions them first; true before false.</summary>
    public string[] ByFirstMention => Kind == Kind.TrueFalse ? Candidates : [.. Candidates.OrderBy(word => Places(word).FirstOrDefault(int.MaxValue))];

    /// <summary>The candidates by where the story mentions them last; true before false.</summary>
    public string[] ByLastMention => Kind == Kind.TrueFalse ? Candidates : [.. Candidates.OrderBy(word => Places(word).LastOrDefault(-1))];

    private IEnumerable<int> Places(string word) => Regex.Matches(Story, $@"\b{Regex.Escape(word)}\b").Select(match => match.Index);
}
