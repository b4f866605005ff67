namespace StoryWorld;

/// <summary>What a question asks for.</summary>
internal enum Kind
{
    Who,
    Where,
    What,
    TrueFalse,
    WhichOfTwo,
}

/// <summary>
/// A relation between a subject {s} and an object {o}: how a story tells it, how a question asks for either side, and
/// how a long story tells it again at its end. {a} is room for an adjective before a thing, {x} another subject.
/// </summary>
internal sealed record Relation(
    Kind SubjectIs, Kind ObjectIs, Func<Lexicon, string[]> Subjects, Func<Lexicon, string[]> Objects,
    string[] Tell, string[] AskSubject, string[] AskObject, string Claim, string[] Retell)
{
    /// <summary>A person and a thing.</summary>
    public static Relation[] OfThings { get; } =
    [
        Deed("found", "find", "found"), Deed("took", "take", "taken"), Deed("carried", "carry", "carried"),
        Deed("held", "hold", "held"), Deed("saw", "see", "seen"), Deed("lost", "lose", "lost"), Deed("hid", "hide", "hidden"),
        Deed("drew", "draw", "drawn"), Deed("bought", "buy", "bought"), Deed("picked", "pick", "picked"),
        Deed("broke", "break", "broken"), Deed("fixed", "fix", "fixed"),
    ];

    /// <summary>A person and a food.</summary>
    public static Relation[] OfMeals { get; } =
    [
        Deed("ate", "eat", "eaten", lexicon => lexicon.Foods), Deed("made", "make", "made", lexicon => lexicon.Foods),
        Deed("tasted", "taste", "tasted", lexicon => lexicon.Foods), Deed("shared", "share", "shared", lexicon => lexicon.Foods),
    ];

    /// <summary>A person and a place to go to.</summary>
    public static Relation[] OfJourneys { get; } =
    [
        Journey("went", "go", "to"), Journey("walked", "walk", "to"), Journey("ran", "run", "to"), Journey("played", "play", "at"),
        Journey("slept", "sleep", "at"),
    ];

    /// <summary>A thing and the spot that it is in.</summary>
    public static Relation[] OfSpots { get; } =
    [
        new(
            Kind.What, Kind.Where, lexicon => lexicon.Things, lexicon => lexicon.Spots,
            ["The {a}{s} was in the {o}.", "In the {o} was the {a}{s}.", "Someone left the {a}{s} in the {o}.", "The {a}{s} was kept in the {o}."],
            ["What was in the {o}?", "Which thing was in the {o}?", "Tell me what was in the {o}."],
            ["Where was the {s}?", "In which place was the {s}?", "Tell me where the {s} was."],
            "The {s} was in the {o}.",
            ["So the {s} was in the {o}.", "The {s} was in the {o} all the time.", "It was the {s} that was in the {o}, and not the {x}."]),
    ];

    private static Relation Deed(string past, string verb, string participle, Func<Lexicon, string[]>? objects = null) => new(
        Kind.Who, Kind.What, lexicon => lexicon.Names, objects ?? (lexicon => lexicon.Things),
        [
            $"{{s}} {past} the {{a}}{{o}}.", $"It was {{s}} who {past} the {{a}}{{o}}.", $"The {{a}}{{o}} was {participle} by {{s}}.",
            $"Then {{s}} {past} the {{a}}{{o}}.",
        ],
        [$"Who {past} the {{o}}?", $"Which child {past} the {{o}}?", $"Tell me who {past} the {{o}}."],
        [$"What did {{s}} {verb}?", $"Which thing did {{s}} {verb}?", $"Tell me what {{s}} {past}."],
        $"{{s}} {past} the {{o}}.",
        [
            $"So it was {{s}} who {past} the {{o}}.", $"{{s}} was the one who {past} the {{o}}.", $"What {{s}} {past} was the {{o}}.",
            $"It was not {{x}} who {past} the {{o}}, it was {{s}}.",
        ]);

    private static Relation Journey(string past, string verb, string preposition) => new(
        Kind.Who, Kind.Where, lexicon => lexicon.Names, lexicon => lexicon.Destinations,
        [
            $"{{s}} {past} {preposition} the {{o}}.", $"It was {{s}} who {past} {preposition} the {{o}}.",
            $"In the afternoon, {{s}} {past} {preposition} the {{o}}.", $"Then {{s}} {past} {preposition} the {{o}}.",
        ],
        [$"Who {past} {preposition} the {{o}}?", $"Which child {past} {preposition} the {{o}}?", $"Tell me who {past} {preposition} the {{o}}."],
        [$"Where did {{s}} {verb}?", $"What place did {{s}} {verb} {preposition}?", $"Tell me where {{s}} {past}."],
        $"{{s}} {past} {preposition} the {{o}}.",
        [
            $"So it was {{s}} who {past} {preposition} the {{o}}.", $"{{s}} was the one who {past} {preposition} the {{o}}.",
            $"The place {{s}} {past} {preposition} was the {{o}}.", $"It was not {{x}} who {past} {preposition} the {{o}}, it was {{s}}.",
        ]);
}

/// <summary>A relation that holds in a story.</summary>
internal sealed record Fact(Relation Relation, string Subject, string Object)
{
    public string Told(Dice dice) => Fill(dice.Pick(Relation.Tell), dice.Chance(2, 5) ? dice.Pick(Phrases.Adjectives) + " " : "");

    public string Retold(Dice dice, string otherSubject) => Fill(dice.Pick(Relation.Retell), "").Replace("{x}", otherSubject);

    public string Fill(string pattern, string adjective = "") =>
        pattern.Replace("{a}", adjective).Replace("{s}", Subject).Replace("{o}", Object);

    /// <summary>Facts with different subjects and different objects, all of one sort.</summary>
    public static Fact[] Draw(Dice dice, Relation[] relations, string[] subjects, string[] objects)
    {
        Relation all = dice.Pick(relations);
        bool same = dice.Chance(1, 2);
        return [.. subjects.Zip(objects, (subject, target) => new Fact(same ? all : dice.Pick(relations), subject, target))];
    }
}
