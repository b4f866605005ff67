using System.Text.RegularExpressions;
using StoryWorld;

namespace MoKA.Native.Tests.Stories;

public class PlainStoriesTests
{
    [Fact]
    public void TheyAreDeterministicAndDiffer()
    {
        string[] stories = [.. Enumerable.Range(0, 2000).Select(index => PlainStories.Write(3, index))];
        Assert.Equal(stories.Length, stories.Distinct().Count());
        Assert.Equal(stories[7], PlainStories.Write(3, 7));
        Assert.NotEqual(stories[7], PlainStories.Write(4, 7));
    }

    [Fact]
    public void TheyHaveFiveSentencesOrMoreAndNoTestWord()
    {
        HashSet<string> test = new(Lexicon.Test.All, StringComparer.OrdinalIgnoreCase);
        for (int i = 0; i < 2000; i++)
        {
            string story = PlainStories.Write(3, i);
            Assert.InRange(Regex.Count(story, @"[.!?]""?(?= [A-Z""]|$)"), 5, 13);
            Assert.DoesNotMatch("[{}]", story);
            Assert.DoesNotContain(Regex.Matches(story, @"\w+"), match => test.Contains(match.Value));
        }
    }

    [Fact]
    public void HalfOfTheWordLists_are_invented()
    {
        Lexicon[] drawn = [.. Enumerable.Range(0, 1000).Select(i => Lexicon.Fresh(new Dice(5, (ulong)i)))];
        Assert.InRange(drawn.Count(l => ReferenceEquals(l.Things, Lexicon.Train.Things)), 430, 570);
        Assert.All(drawn, l => Assert.True(l.Foods.Distinct().Count() == l.Foods.Length && l.Foods.Length > 3));
    }

    [Fact]
    public void InventedNamesAreManyAndNeverThoseOfTheTest()
    {
        Dice dice = new(1, 1);
        string[] names = [.. Enumerable.Range(0, 20_000).Select(_ => InventedWords.Name(dice))];
        Assert.Empty(names.Intersect(Lexicon.Test.All, StringComparer.OrdinalIgnoreCase));
        Assert.True(names.Distinct().Count() > 10_000);
        Assert.All(names, name => Assert.Matches("^[A-Z][a-z]+$", name));
    }
}
