namespace StoryWorld;

/// <summary>Questions with two answers to choose from: who is taller, who has the bigger thing, which food is liked more.</summary>
internal static class Comparison
{
    public static StoryRecord Draw(Dice dice, Lexicon lexicon, int turn)
    {
        // Which of the two the question names first goes round in turn too.
        bool answerFirst = turn % 2 == 0;
        return dice.Below(3) switch
        {
            0 => People(dice, lexicon, answerFirst),
            1 => Owners(dice, lexicon, answerFirst),
            _ => Foods(dice, lexicon, answerFirst),
        };
    }

    private static StoryRecord People(Dice dice, Lexicon lexicon, bool answerFirst)
    {
        string[] names = dice.Draw(lexicon.Names, 2);
        (string More, string Less)[] words = dice.Draw(Phrases.PersonComparisons, 2);
        string[] winners = [dice.Pick(names), dice.Pick(names)];
        List<string> facts = [.. words.Zip(winners, (word, winner) => OfPeople(dice, word, winner, Other(names, winner)))];
        int asked = dice.Below(2);
        bool more = dice.Chance(1, 2);
        string answer = more ? winners[asked] : Other(names, winners[asked]);
        string question = $"Who was {(more ? words[asked].More : words[asked].Less)}, {Options(names, answer, answerFirst)}?";
        return new StoryRecord(Kind.WhichOfTwo, question, StoryTask.Tell(dice, facts, names), answer, names, HasRivals: true);
    }

    private static StoryRecord Owners(Dice dice, Lexicon lexicon, bool answerFirst)
    {
        string[] names = dice.Draw(lexicon.Names, 2);
        string[] things = dice.Draw(lexicon.Things, 2);
        (string More, string Less)[] words = dice.Draw(Phrases.ThingComparisons, 2);
        string[] winners = [dice.Pick(names), dice.Pick(names)];
        List<string> facts = [Told(0), Told(1)];
        int asked = dice.Below(2);
        bool more = dice.Chance(1, 2);
        string answer = more ? winners[asked] : Other(names, winners[asked]);
        string question = $"Who had the {(more ? words[asked].More : words[asked].Less)} {things[asked]}, {Options(names, answer, answerFirst)}?";
        return new StoryRecord(Kind.WhichOfTwo, question, StoryTask.Tell(dice, facts, names), answer, names, HasRivals: true);

        string Told(int i) => OfOwners(dice, words[i], things[i], winners[i], Other(names, winners[i]));
    }

    /// <summary>Says who of two is more, either way round.</summary>
    public static string OfPeople(Dice dice, (string More, string Less) word, string winner, string loser) => dice.Chance(1, 2)
        ? $"{winner} was {word.More} than {loser}."
        : $"{loser} was {word.Less} than {winner}.";

    /// <summary>Says whose thing is more, either way round.</summary>
    public static string OfOwners(Dice dice, (string More, string Less) word, string thing, string winner, string loser) => dice.Chance(1, 2)
        ? $"{winner} had {Phrases.A(word.More)} {thing} than {loser}."
        : $"{loser} had {Phrases.A(word.Less)} {thing} than {winner}.";

    /// <summary>Says which of two foods a child likes more.</summary>
    public static string OfFoods(Dice dice, string name, string liked, string other) => dice.Below(3) switch
    {
        0 => $"{name} liked the {liked} more than the {other}.",
        1 => $"{name} liked the {other} less than the {liked}.",
        _ => $"{name} liked the {other}, but the {liked} was even better.",
    };

    // Two children like the same two foods the other way round, so the answer depends on who is asked for.
    private static StoryRecord Foods(Dice dice, Lexicon lexicon, bool answerFirst)
    {
        string[] names = dice.Draw(lexicon.Names, 2);
        string[] foods = dice.Draw(lexicon.Foods, 2);
        List<string> facts = [OfFoods(dice, names[0], foods[0], foods[1]), OfFoods(dice, names[1], foods[1], foods[0])];
        int asked = dice.Below(2);
        bool more = dice.Chance(1, 2);
        string answer = foods[more ? asked : 1 - asked];
        string[] options = [$"the {foods[0]}", $"the {foods[1]}"];
        string question = $"Which did {names[asked]} like {(more ? "more" : "less")}, {Options(options, $"the {answer}", answerFirst)}?";
        return new StoryRecord(Kind.WhichOfTwo, question, StoryTask.Tell(dice, facts, names), answer, foods, HasRivals: true);
    }

    private static string Other(string[] pair, string one) => pair[0] == one ? pair[1] : pair[0];

    private static string Options(string[] pair, string answer, bool answerFirst) =>
        answerFirst ? $"{answer} or {Other(pair, answer)}" : $"{Other(pair, answer)} or {answer}";
}
