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
    public void They_tell_and_ask_and_are_never_in_the_form_of_the_task()
    {
        for (int i = 0; i < 2000; i++)
        {
            string story = PlainStories.Write(3, i);
            Assert.InRange(Regex.Count(story, @"[.!?,]""?(?= [A-Z""]|$)"), 7, 24);
            Assert.Contains("?\" asked ", story);
            Assert.DoesNotMatch("[{}]", story);
            Assert.DoesNotContain("Tell me", story);
            Assert.DoesNotContain("True or false", story, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public void A_question_is_answered_with_a_word_of_the_story_or_yes_or_no()
    {
        for (int i = 0; i < 500; i++)
        {
            string story = PlainStories.Write(3, i);
            foreach (Match answer in Regex.Matches(story, @"asked (?:Mom|Dad)\. ""(?:The )?(\w+),"""))
            {
                string word = answer.Groups[1].Value;
                Assert.True(word is "Yes" or "No" || Regex.IsMatch(story[..answer.Index], $@"\b{word}\b"), story);
            }
        }
    }
}
