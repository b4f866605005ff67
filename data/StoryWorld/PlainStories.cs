using System.Text;

namespace StoryWorld;

/// <summary>
/// Longer stories for pre-training: facts are told, and each is told twice more at the end, in other words or in talk, so
/// that a model learns to carry what it read through a story.
/// </summary>
internal static class PlainStories
{
    private static readonly string[] Introductions =
    [
        "Once upon a time, there were {n}.", "One day, {n} met outside.", "{n} lived near each other.", "There once were {n}, and they were good friends.",
        "{n} were brothers and sisters.", "One morning, {n} woke up early.",
    ];

    private static readonly string[] Speeches =
    [
        "\"Look what I have!\" said {p}.", "\"I am so happy today,\" said {p}.", "{p} said, \"Let us all play.\"", "\"Can you help me?\" asked {p}.",
        "{p} smiled and waved.", "\"Thank you,\" said {p}.", "{p} jumped up and down.", "{p} sat down to rest.", "Mom called {p}.",
    ];

    /// <summary>A story of seven to nineteen sentences; one that is asked and answered counts as two.</summary>
    public static string Write(ulong seed, int index)
    {
        Dice dice = new(seed, (ulong)index);
        Lexicon lexicon = Lexicon.Whole;
        string[] names = dice.Draw(lexicon.Names, 2 + dice.Below(2));
        List<string> sentences = [dice.Pick(Introductions).Replace("{n}", Phrases.Join(dice.Shuffle(names)))];
        List<string> ending = [];
        switch (dice.Below(6))
        {
            case 0:
                AddFacts(dice, Relation.OfThings, names, lexicon, sentences, ending);
                break;
            case 1:
                AddFacts(dice, Relation.OfJourneys, names, lexicon, sentences, ending);
                break;
            case 2:
                AddFacts(dice, Relation.OfSpots, dice.Draw(lexicon.Things, names.Length), lexicon, sentences, ending);
                break;
            case 3:
                AddPeople(dice, names, sentences, ending);
                break;
            case 4:
                AddOwners(dice, names, lexicon, sentences, ending);
                break;
            default:
                AddFoods(dice, names, lexicon, sentences, ending);
                break;
        }

        int others = dice.Below(3);
        for (int i = 0; i < others; i++)
        {
            string more = dice.Chance(1, 2) ? dice.Pick(Phrases.Fillers) : dice.Pick(Speeches).Replace("{p}", dice.Pick(names));
            sentences.Insert(1 + dice.Below(sentences.Count), more);
        }

        return string.Join(' ', sentences.Concat(dice.Shuffle(ending)));
    }

    /// <summary>Stories as a training text, parted as TinyStories parts its documents.</summary>
    public static string WriteAll(ulong seed, int count)
    {
        StringBuilder text = new();
        for (int i = 0; i < count; i++)
        {
            text.Append(Write(seed, i)).Append("\n<|endoftext|>\n");
        }

        return text.ToString();
    }

    private static void AddFacts(Dice dice, Relation[] relations, string[] subjects, Lexicon lexicon, List<string> sentences, List<string> ending)
    {
        Fact[] facts = Fact.Draw(dice, relations, subjects, dice.Draw(relations[0].Objects(lexicon), subjects.Length));
        for (int i = 0; i < facts.Length; i++)
        {
            Fact fact = facts[i];
            string claim = fact.Relation.Claim.TrimEnd('.');
            claim = fact.Relation.SubjectIs == Kind.What ? "the" + claim[3..] : claim;
            string other = subjects[(i + 1 + dice.Below(subjects.Length - 1)) % subjects.Length];
            sentences.Add(fact.Told(dice));
            ending.Add(dice.Chance(1, 2) ? Asked(dice, Question(fact.Relation.AskSubject), fact.Relation.SubjectIs == Kind.What ? $"The {fact.Subject}" : fact.Subject) : Asked(dice, Question(fact.Relation.AskObject), $"The {fact.Object}"));
            ending.Add(dice.Below(4) switch
            {
                0 => Asked(dice, $"Is it true that {fact.Fill(claim)}?", "Yes"),
                1 => Asked(dice, $"Is it true that {(fact with { Subject = other }).Fill(claim)}?", "No"),
                _ => fact.Retold(dice, other),
            });

            string Question(string[] patterns) => fact.Fill(dice.Pick([.. patterns.Where(p => p.EndsWith('?'))]));
        }
    }

    private static void AddPeople(Dice dice, string[] names, List<string> sentences, List<string> ending)
    {
        foreach ((string More, string Less) word in dice.Draw(Phrases.PersonComparisons, 2))
        {
            string[] pair = dice.Draw(names, 2);
            sentences.Add(Comparison.OfPeople(dice, word, pair[0], pair[1]));
            string either = Phrases.Either(dice, pair);
            ending.Add(dice.Chance(1, 2) ? Asked(dice, $"Who was {word.More}, {either}?", pair[0]) : Asked(dice, $"Who was {word.Less}, {either}?", pair[1]));
            ending.Add(dice.Chance(1, 2)
                ? $"So {pair[0]} was the {word.More} one, and {pair[1]} was {word.Less}."
                : $"It was {pair[1]} who was {word.Less}, and {pair[0]} was {word.More}.");
        }
    }

    private static void AddOwners(Dice dice, string[] names, Lexicon lexicon, List<string> sentences, List<string> ending)
    {
        string[] things = dice.Draw(lexicon.Things, 2);
        foreach (((string more, string less), string thing) in dice.Draw(Phrases.ThingComparisons, 2).Zip(things))
        {
            string[] pair = dice.Draw(names, 2);
            sentences.Add(Comparison.OfOwners(dice, (more, less), thing, pair[0], pair[1]));
            string either = Phrases.Either(dice, pair);
            ending.Add(dice.Chance(1, 2) ? Asked(dice, $"Who had the {more} {thing}, {either}?", pair[0]) : Asked(dice, $"Who had the {less} {thing}, {either}?", pair[1]));
            ending.Add(dice.Chance(1, 2)
                ? $"So {pair[0]} had the {more} {thing}, and {pair[1]} had the {less} one."
                : $"It was {pair[1]} who had the {less} {thing}, and the one of {pair[0]} was {more}.");
        }
    }

    // Two children like the same two foods the other way round.
    private static void AddFoods(Dice dice, string[] names, Lexicon lexicon, List<string> sentences, List<string> ending)
    {
        string[] foods = dice.Draw(lexicon.Foods, 2);
        foreach ((string name, string liked, string other) in ((string, string, string)[])[(names[0], foods[0], foods[1]), (names[1], foods[1], foods[0])])
        {
            sentences.Add(Comparison.OfFoods(dice, name, liked, other));
            string either = Phrases.Either(dice, [$"the {liked}", $"the {other}"]);
            ending.Add(dice.Chance(1, 2)
                ? Asked(dice, $"Which did {name} like more, {either}?", $"The {liked}")
                : Asked(dice, $"Which did {name} like less, {either}?", $"The {other}"));
            ending.Add(dice.Chance(1, 2) ? $"So it was the {liked} that {name} liked more." : $"{name} ate the {liked} and not the {other}.");
        }
    }

    private static string Asked(Dice dice, string question, string answer)
    {
        string[] speakers = dice.Shuffle(["Mom", "Dad"]);
        return $"\"{question}\" asked {speakers[0]}. \"{answer},\" said {speakers[1]}.";
    }
}
