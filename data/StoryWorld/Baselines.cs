namespace StoryWorld;

/// <summary>What readers who do not understand the story score on records of one kind, as shares of 1.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Count">The number of records.</param>
/// <param name="Chance">Picking evenly among the candidates that the story mentions: the expected share.</param>
/// <param name="Majority">Always giving the answer that is right most often.</param>
/// <param name="First">Giving the candidate that is mentioned first; "true" for a claim.</param>
/// <param name="Last">Giving the candidate that is mentioned last; "false" for a claim.</param>
internal sealed record Baselines(Kind Kind, int Count, double Chance, double Majority, double First, double Last)
{
    public static Baselines Of(Kind kind, IEnumerable<StoryRecord> records)
    {
        StoryRecord[] some = [.. records.Where(record => record.Kind == kind)];
        return new Baselines(
            kind, some.Length,
            some.Average(record => 1.0 / record.Candidates.Length),
            some.GroupBy(record => record.Answer).Max(group => group.Count()) / (double)some.Length,
            some.Average(record => record.ByFirstMention[0] == record.Answer ? 1.0 : 0.0),
            some.Average(record => record.ByLastMention[^1] == record.Answer ? 1.0 : 0.0));
    }
}
