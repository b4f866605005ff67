using System.Text.RegularExpressions;

namespace StoryWorld;

/// <summary>
/// Generates questions about stories. Two of three are about one child (<see cref="OneChild"/>). In the third, two
/// candidates play the same part and are mentioned equally often; which place the right one has, and whether a claim is
/// true, goes round in turn, so that neither position nor frequency tells the answer.
/// </summary>
internal static class StoryTask
{
    public static readonly string[] Claims = ["True or false: {c}", "Is this true or false? {c}", "{c} True or false?"];

    /// <summary>Makes records, the same number of each kind, in random order.</summary>
    public static StoryRecord[] Generate(Func<Dice, Lexicon> words, ulong seed, int count)
    {
        Kind[] kinds = Enum.GetValues<Kind>();
        HashSet<(string, string)> seen = [];
        List<StoryRecord> records = [];
        foreach (Kind kind in kinds)
        {
            for (int i = 0; i < count / kinds.Length; i++)
            {
                Dice dice = new(seed, ((ulong)kind << 32) | (uint)i);
                StoryRecord record;
                do
                {
                    Lexicon lexicon = words(dice);
                    record = i % 3 != 0 ? OneChild.Draw(dice, lexicon, kind, i)
                        : kind == Kind.WhichOfTwo ? Comparison.Draw(dice, lexicon, i / 3)
                        : Question(dice, lexicon, kind, i / 3);
                }
                while (!IsInTurn(record, i / 3) || !IsFair(record) || !seen.Add((record.Question, record.Story)));

                records.Add(record);
            }
        }

        return new Dice(seed, ulong.MaxValue).Shuffle(records);
    }

    // Of two rivals, the right one is mentioned first in every other pair of turns. Those that a comparison mentions twice
    // take turns at being mentioned last too; of others the first is never the last.
    private static bool IsInTurn(StoryRecord record, int turn) => !record.HasRivals || record.Kind == Kind.TrueFalse
        || (record.ByFirstMention[turn / 2 % 2] == record.Answer && (record.Kind != Kind.WhichOfTwo || record.ByLastMention[turn / 4 % 2] == record.Answer));

    // A candidate may be a word of the story's other sentences too, and would then be mentioned more often.
    private static bool IsFair(StoryRecord record) => !record.HasRivals || record.Kind == Kind.TrueFalse
        || record.Candidates.Select(word => Regex.Count(record.Story, $@"\b{word}\b")).Distinct().Count() == 1;

    private static StoryRecord Question(Dice dice, Lexicon lexicon, Kind kind, int turn)
    {
        const int count = 2;
        Relation[] relations = Relations(dice, kind);
        string[] subjects = dice.Draw(relations[0].Subjects(lexicon), count);
        string[] objects = dice.Draw(relations[0].Objects(lexicon), count);
        Fact[] facts = Fact.Draw(dice, relations, subjects, objects);
        string story = Tell(dice, [.. facts.Select(fact => fact.Told(dice))], relations[0].SubjectIs == Kind.Who ? subjects : []);
        int asked = dice.Below(count);
        Fact fact = facts[asked];
        if (kind == Kind.TrueFalse)
        {
            bool holds = turn % 2 == 0;
            string claimed = holds ? fact.Subject : subjects[(asked + 1 + dice.Below(count - 1)) % count];
            string claim = (fact with { Subject = claimed }).Fill(fact.Relation.Claim);
            return new StoryRecord(kind, dice.Pick(Claims).Replace("{c}", claim), story, holds ? "true" : "false", ["true", "false"], HasRivals: true);
        }

        return fact.Relation.SubjectIs == kind
            ? new StoryRecord(kind, fact.Fill(dice.Pick(fact.Relation.AskSubject)), story, fact.Subject, subjects, HasRivals: true)
            : new StoryRecord(kind, fact.Fill(dice.Pick(fact.Relation.AskObject)), story, fact.Object, objects, HasRivals: true);
    }

    private static Relation[] Relations(Dice dice, Kind kind)
    {
        bool first = dice.Chance(1, 2);
        return kind switch
        {
            Kind.Who => first ? Relation.OfThings : Relation.OfJourneys,
            Kind.Where => first ? Relation.OfSpots : Relation.OfJourneys,
            Kind.What => first ? Relation.OfThings : Relation.OfSpots,
            _ => first ? Relation.OfThings : dice.Chance(1, 2) ? Relation.OfJourneys : Relation.OfSpots,
        };
    }

    /// <summary>Three to five sentences: the facts among others that say nothing about them.</summary>
    public static string Tell(Dice dice, List<string> facts, string[] names)
    {
        List<string> sentences = [.. facts];
        int length = 3 + dice.Below(3);
        if (sentences.Count < length && dice.Chance(1, 2))
        {
            sentences.Insert(dice.Below(sentences.Count + 1), dice.Pick(Phrases.Fillers));
        }

        if (sentences.Count < length && dice.Chance(1, 2))
        {
            sentences.Add(dice.Pick(Phrases.Closings));
        }

        if (sentences.Count < Math.Max(length, 3))
        {
            sentences.Insert(0, names.Length > 0 && dice.Chance(1, 3)
                ? dice.Pick(Phrases.OpeningsWithNames).Replace("{n}", Phrases.Join(dice.Shuffle(names)))
                : dice.Pick(Phrases.Openings));
        }

        return string.Join(' ', sentences);
    }
}
