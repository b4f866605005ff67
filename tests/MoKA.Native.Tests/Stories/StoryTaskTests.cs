using System.Text.RegularExpressions;
using MoKA.Native.Llama.Data;
using StoryWorld;

namespace MoKA.Native.Tests.Stories;

public class StoryTaskTests
{
    private static readonly StoryRecord[] Train = Splits.Train();
    private static readonly StoryRecord[] Test = Splits.Test();

    [Theory]
    [InlineData("train")]
    [InlineData("test")]
    public void RegeneratingGivesTheCommittedBytes(string name)
    {
        string committed = Path.Combine(RepositoryRoot(), "data", "stories", $"{name}.json");
        Assert.Equal(File.ReadAllText(committed), TaskFile.ToJson(name == "train" ? Train : Test));
        Assert.InRange(new FileInfo(committed).Length, 1, 2_000_000);
        IReadOnlyList<AlpacaRecord> read = AlpacaReader.Read(committed);
        Assert.Equal(name == "train" ? 4000 : 400, read.Count);
        Assert.All(read, record => Assert.Equal(record.Output, record.Answer));
    }

    [Fact]
    public void TrainingAndTestShareNoNameThingOrPlace()
    {
        Assert.Empty(Lexicon.Train.All.Intersect(Lexicon.Test.All, StringComparer.OrdinalIgnoreCase));
        Assert.Empty(Words(Train).Intersect(Lexicon.Test.All, StringComparer.OrdinalIgnoreCase));
        Assert.Empty(Words(Test).Intersect(Lexicon.Train.All, StringComparer.OrdinalIgnoreCase));
        Assert.Empty(Train.Select(record => record.Story).Intersect(Test.Select(record => record.Story)));
    }

    [Fact]
    public void NoWordIsInTwoLists()
    {
        Assert.Equal(Lexicon.Train.All.Count(), Lexicon.Train.All.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.Equal(Lexicon.Test.All.Count(), Lexicon.Test.All.Distinct(StringComparer.OrdinalIgnoreCase).Count());
    }

    [Fact]
    public void EveryRecordIsNewAndKindsAreEqual()
    {
        foreach (StoryRecord[] records in (StoryRecord[][])[Train, Test])
        {
            Assert.Equal(records.Length, records.Select(record => (record.Question, record.Story)).Distinct().Count());
            Assert.All(records.GroupBy(record => record.Kind), group => Assert.Equal(records.Length / 5, group.Count()));
        }
    }

    [Fact]
    public void StoriesHaveThreeToFiveSentencesAndNoGaps()
    {
        foreach (StoryRecord record in Train.Concat(Test))
        {
            Assert.InRange(Regex.Count(record.Story, @"[.!?](?= |$)"), 3, 5);
            Assert.DoesNotMatch(@"[{}]|  |\s$", record.Story + record.Question);
        }
    }

    [Fact]
    public void RivalsAreMentionedEquallyOften()
    {
        foreach (StoryRecord record in Train.Concat(Test).Where(record => record.HasRivals && record.Kind != Kind.TrueFalse))
        {
            Assert.Contains(record.Answer, record.Candidates);
            Assert.Single(record.Candidates.Select(word => Regex.Count(record.Story, $@"\b{word}\b")).Distinct());
            Assert.InRange(Regex.Count(record.Story, $@"\b{record.Answer}\b"), 1, 3);
        }
    }

    [Fact]
    public void GuessersWhoDoNotReadScoreLittle()
    {
        foreach ((StoryRecord[] records, double noise) in (ReadOnlySpan<(StoryRecord[], double)>)[(Train, 0.05), (Test, 0.1)])
        {
            foreach (Kind kind in Enum.GetValues<Kind>())
            {
                Assert.InRange(Baselines.Of(kind, records).Chance, 0.33, 0.5);
                Baselines score = Baselines.Of(kind, records.Where(record => record.HasRivals));
                Assert.Equal(0.5, score.Chance);
                Assert.InRange(score.First, score.Chance - noise, score.Chance + noise);
                Assert.InRange(score.Last, score.Chance - noise, score.Chance + noise);
                Assert.InRange(score.Majority, 0, kind == Kind.TrueFalse ? 0.52 : 0.2);
            }
        }
    }

    [Fact]
    public void InAChoiceOfTwoTheRightOneIsNamedFirstHalfOfTheTime()
    {
        foreach (StoryRecord[] records in (StoryRecord[][])[Train, Test])
        {
            StoryRecord[] choices = [.. records.Where(record => record.Kind == Kind.WhichOfTwo)];
            Assert.Equal(choices.Length / 2, choices.Count(record => Regex.IsMatch(record.Question, $@", (the )?{record.Answer} or ")));
        }
    }

    [Fact]
    public void AStoryOfOneChildHoldsTheAnswerAndNoneOfTheWrongOnes()
    {
        foreach (StoryRecord record in Train.Concat(Test).Where(record => !record.HasRivals))
        {
            string[] mentioned = [.. record.Candidates.Where(word => Regex.IsMatch(record.Story, $@"\b{word}\b"))];
            if (record.Kind == Kind.WhichOfTwo) Assert.Equal([record.Answer], mentioned);
            else if (record.Kind != Kind.TrueFalse) Assert.Equal(4, mentioned.Length);
            else
            {
                string[] claimed = [.. Regex.Matches(record.Question, @"\w+").Select(match => match.Value)];
                IEnumerable<string> words = Lexicon.Train.All.Concat(Lexicon.Test.All).Intersect(claimed);
                Assert.Equal(record.Answer == "true", words.All(word => Regex.IsMatch(record.Story, $@"\b{word}\b")));
            }
        }
    }

    [Fact]
    public void AThirdOfEveryKindHasRivals() => Assert.All(
        (StoryRecord[][])[Train, Test],
        records => Assert.All(records.GroupBy(record => record.Kind), kind => Assert.InRange(kind.Count(record => record.HasRivals) / (double)kind.Count(), 0.33, 0.34)));

    // The simplest wordings are checked by an independent reader.
    [Fact]
    public void AnswersFollowFromTheStory()
    {
        int checkedRecords = 0;
        foreach (StoryRecord record in Train.Concat(Test))
        {
            Match claim = Regex.Match(record.Question, @"(\w+) (\w+) (at |to )?the (\w+)\.");
            if (record.Kind == Kind.TrueFalse && claim.Success && claim.Groups[2].Value != "in")
            {
                bool holds = record.Story.Split('.').Any(part => Regex.IsMatch(part, $@"\b{claim.Groups[1].Value}\b") && Regex.IsMatch(part, $@"\b{claim.Groups[4].Value}\b"));
                Assert.Equal(holds ? "true" : "false", record.Answer);
                checkedRecords++;
            }

            Match which = Regex.Match(record.Question, @"Who was (\w+),");
            if (which.Success && Regex.Match(record.Story, $@"(\w+) was {which.Groups[1].Value} than") is { Success: true } told)
            {
                Assert.Equal(told.Groups[1].Value, record.Answer);
                checkedRecords++;
            }

            Match where = Regex.Match(record.Question, @"(?:Where was|In which place was) the (\w+)\?");
            if (where.Success)
            {
                Assert.Single(record.Story.Split('.'), part => Regex.IsMatch(part, $@"\b{where.Groups[1].Value}\b") && Regex.IsMatch(part, $@"\b{record.Answer}\b"));
                checkedRecords++;
            }
        }

        Assert.True(checkedRecords > 800, $"{checkedRecords}");
    }

    private static IEnumerable<string> Words(StoryRecord[] records) =>
        records.SelectMany(record => Regex.Matches($"{record.Question} {record.Story} {record.Answer}", @"\w+").Select(match => match.Value)).Distinct();

    private static string RepositoryRoot()
    {
        DirectoryInfo folder = new(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "MoKA.Native.sln")))
        {
            folder = folder.Parent!;
        }

        return folder.FullName;
    }
}
