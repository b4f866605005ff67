using System.Text;

namespace StoryWorld;

/// <summary>
/// Longer stories for pre-training. Facts are told and told again at the end, in other words or in talk, about training
/// words and words made of syllables, so that a model learns to carry a word it has never seen through a story.
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

    /// <summary>A story of five to thirteen sentences; one that is asked and answered counts as two.</summary>
    public static string Write(ulong seed, int index)
    {
        Dice dice = new(seed, (ulong)index);
        Lexicon lexicon = Lexicon.Fresh(dice);
        int count = 2 + dice.Below(2);
        string[] names = Names(dice, count);
        List<string> sentences = [dice.Pick(Introductions).Replace("{n}", Phrases.Join(names))];
        List<string> ending = [];
        string[] order = dice.Shuffle(names);
        switch (dice.Below(5))
        {
            case 0:
                AddThingsInSpots(dice, lexicon, order, sentences, ending);
                break;
            case 1:
                AddFacts(dice, lexicon, Relation.OfThings, order, sentences, ending);
                break;
            case 2:
                AddComparisons(dice, order, sentences, ending);
                break;
            case 3:
                AddFoods(dice, lexicon, order, sentences, ending);
                break;
            default:
                AddFacts(dice, lexicon, Relation.OfJourneys, order, sentences, ending);
                break;
        }

        // Room for the ending.
        while (sentences.Count + ending.Count < 5 || (sentences.Count + ending.Count < 9 && dice.Chance(1, 2)))
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

    private static string[] Names(Dice dice, int count)
    {
        List<string> names = [];
        while (names.Count < count)
        {
            string name = dice.Chance(2, 3) ? InventedWords.Name(dice) : dice.Pick(Lexicon.Train.Names);
            if (!names.Contains(name))
            {
                names.Add(name);
            }
        }

        return [.. names];
    }

    private static void AddFacts(Dice dice, Lexicon lexicon, Relation[] relations, string[] names, List<string> sentences, List<string> ending)
    {
        Fact[] facts = Fact.Draw(dice, relations, names, dice.Draw(relations[0].Objects(lexicon), names.Length));
        for (int i = 0; i < facts.Length; i++)
        {
            sentences.Add(facts[i].Told(dice));
            ending.Add(Again(dice, facts[i], names[(i + 1) % names.Length]));
        }
    }

    /// <summary>A fact told again: in other words, as what somebody asks and hears, or as what is true and what is not.</summary>
    private static string Again(Dice dice, Fact fact, string otherName) => dice.Below(4) switch
    {
        0 => $"\"{Asked(dice, fact, fact.Relation.AskSubject)}\" asked Mom. \"{fact.Subject},\" said Dad.",
        1 => $"\"{Asked(dice, fact, fact.Relation.AskObject)}\" asked Mom. \"The {fact.Object},\" said Dad.",
        2 => dice.Chance(1, 2)
            ? $"It is true that {fact.Fill(fact.Relation.Claim)}"
            : $"It is false that {(fact with { Subject = otherName }).Fill(fact.Relation.Claim)}",
        _ => fact.Retold(dice, otherName),
    };

    private static string Asked(Dice dice, Fact fact, string[] patterns) => fact.Fill(dice.Pick([.. patterns.Where(p => p.EndsWith('?'))]));

    private static void AddThingsInSpots(Dice dice, Lexicon lexicon, string[] names, List<string> sentences, List<string> ending)
    {
        string[] things = dice.Draw(lexicon.Things, 2);
        Fact[] owners = Fact.Draw(dice, Relation.OfThings, names[..2], things);
        Fact[] spots = Fact.Draw(dice, Relation.OfSpots, things, dice.Draw(lexicon.Spots, 2));
        for (int i = 0; i < 2; i++)
        {
            sentences.Add(owners[i].Told(dice));
            sentences.Add(spots[i].Told(dice));
            string claim = spots[i].Fill("the {s} was in the {o}");
            ending.Add(owners[i].Retold(dice, names[1 - i]).TrimEnd('.') + $", and {claim}.");
        }
    }

    private static void AddComparisons(Dice dice, string[] names, List<string> sentences, List<string> ending)
    {
        foreach ((string more, string less) in dice.Draw(Phrases.PersonComparisons, 2))
        {
            string[] pair = dice.Draw(names, 2);
            sentences.Add(dice.Chance(1, 2) ? $"{pair[0]} was {more} than {pair[1]}." : $"{pair[1]} was {less} than {pair[0]}.");
            ending.Add(dice.Below(3) switch
            {
                0 => $"So {pair[0]} was the {more} one, and {pair[1]} was {less}.",
                1 => $"So it was {pair[0]} who was {more}, and not {pair[1]}.",
                _ => dice.Chance(1, 2)
                    ? $"\"Who was {more}, {Phrases.Either(dice, pair)}?\" asked Mom. \"{pair[0]},\" said Dad."
                    : $"\"Who was {less}, {Phrases.Either(dice, pair)}?\" asked Mom. \"{pair[1]},\" said Dad.",
            });
        }
    }

    private static void AddFoods(Dice dice, Lexicon lexicon, string[] names, List<string> sentences, List<string> ending)
    {
        foreach (string name in names[..2])
        {
            string[] foods = dice.Draw(lexicon.Foods, 2);
            sentences.Add(dice.Chance(1, 2)
                ? $"{name} liked the {foods[0]} more than the {foods[1]}."
                : $"{name} liked the {foods[1]}, but the {foods[0]} was even better.");
            ending.Add(dice.Chance(1, 2)
                ? $"So it was the {foods[0]} that {name} liked more."
                : $"{name} ate the {foods[0]} and not the {foods[1]}.");
        }
    }
}
