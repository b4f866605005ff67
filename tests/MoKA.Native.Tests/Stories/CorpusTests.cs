using StoryWorld;

namespace MoKA.Native.Tests.Stories;

public class CorpusTests
{
    private const string HeldOut = "Tim had a red hat. It was new.";
    private const string Kept = "One day, Lily saw Tim. \"Look,\" she said to Lily, \"a dog.\"";
    private const string KeptInParts = "The sun was hot.\nSo they sat down.\nThen they slept.";

    private static readonly string Cased = string.Join("\n<|endoftext|>\n", HeldOut, Kept, KeptInParts, "A story that is cut o");

    [Fact]
    public void Stories_that_begin_before_the_bound_are_held_out_of_both_files()
    {
        string lower = string.Join('\n', HeldOut.ToLowerInvariant(), Kept.ToLowerInvariant(), "he ran.");
        Assert.Equal([Kept, KeptInParts, "He ran."], Corpus.Build(Cased, lower, heldOutBytes: 20).Training);
        Assert.Equal([HeldOut, Kept, KeptInParts, "He ran."], Corpus.Build(Cased, lower, heldOutBytes: 0).Training);
    }

    [Fact]
    public void The_bound_counts_bytes_to_where_a_story_begins()
    {
        string cased = "É.\n<|endoftext|>\nOne.\n<|endoftext|>\n";
        int begin = 2 + ".\n<|endoftext|>\n".Length;
        Assert.Equal(["One."], Corpus.Build(cased, "", heldOutBytes: begin).Training);
        Assert.Empty(Corpus.Build(cased, "", heldOutBytes: begin + 1).Training);
    }

    [Fact]
    public void A_piece_of_a_cased_story_is_not_a_new_one() =>
        Assert.Equal([Kept, KeptInParts], Corpus.Build(Cased, KeptInParts.ToLowerInvariant() + "\n" + "it was new.", heldOutBytes: 20).Training);

    [Fact]
    public void Stories_are_recased_by_rule()
    {
        string lower = "once, tim and lily sat.\n\n\"can i go?\" asked tim. \"no!\" he ran. so i'm sad! lily said, \"come.\" they went.";
        Assert.Equal(
            "Once, Tim and Lily sat.\n\"Can I go?\" asked Tim. \"No!\" He ran. So I'm sad! Lily said, \"Come.\" They went.",
            Corpus.Build(Cased + "\n<|endoftext|>\nMom and Tim saw Lily and Tim.\n<|endoftext|>\n", lower, heldOutBytes: 100_000).Training.Single());
    }

    [Fact]
    public void Words_that_cased_stories_mostly_write_small_stay_small()
    {
        Recaser recaser = new(["Now a dog ran to Spot.", "Here is a spot and a spot.", "So Ann saw a cat."]);
        Assert.Equal("She saw a spot and Ann.", recaser.Recase("she saw a spot and ann."));
    }

    [Theory]
    [InlineData("â€œhello,â€\u009d said sam. it wasnâ€™t far.", "\"Hello,\" said sam. It wasn't far.")]
    [InlineData("â€œhello,â€ said sam.", "\"Hello,\" said sam.")]
    [InlineData("he ran â€“ fast â€” and fell.", "He ran - fast - and fell.")]
    [InlineData("\u201cgo,\u201d said sam. \u2018well\u2019 \u2014 no\u2026 yes.", "\"Go,\" said sam. 'well' - no... Yes.")]
    public void Mangled_and_curly_quotes_and_dashes_become_ascii(string lower, string expected) =>
        Assert.Equal([expected], Corpus.Build("", lower).Training);

    [Theory]
    [InlineData("the café was warm.")]
    [InlineData("the story stops here and")]
    [InlineData("")]
    public void Stories_with_other_characters_or_without_an_end_are_dropped(string lower) => Assert.Empty(Corpus.Build("", lower).Training);

    [Fact]
    public void A_blank_line_in_the_lower_file_separates_paragraphs() =>
        Assert.Equal(["One.\nTwo.", "Three."], Corpus.Build("", "one.\n\ntwo.\nthree.\n").Training);

    [Fact]
    public void Held_out_stories_stay_as_they_are() => Assert.Equal([HeldOut], Corpus.Build(Cased, "", heldOutBytes: 20).HeldOut);
}
