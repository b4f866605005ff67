namespace StoryWorld;

/// <summary>
/// Questions about a story of one child, one thing, one place and one food. What the question asks for tells which of the
/// four answers it; a wrong claim and a wrong option name something that the story does not.
/// </summary>
internal static class OneChild
{
    public static StoryRecord Draw(Dice dice, Lexicon lexicon, Kind kind, int turn)
    {
        string name = dice.Pick(lexicon.Names);
        Fact deed = Fact.Draw(dice, Relation.OfThings, [name], [dice.Pick(lexicon.Things)])[0];
        Fact meal = Fact.Draw(dice, Relation.OfMeals, [name], [dice.Pick(lexicon.Foods)])[0];
        Fact place = kind == Kind.Who || dice.Chance(1, 2)
            ? Fact.Draw(dice, Relation.OfJourneys, [name], [dice.Pick(lexicon.Destinations)])[0]
            : Fact.Draw(dice, Relation.OfSpots, [deed.Object], [dice.Pick(lexicon.Spots)])[0];
        Fact[] facts = dice.Shuffle([deed, meal, place]);
        string story = StoryTask.Tell(dice, [.. facts.Select(fact => fact.Told(dice))], []);
        Fact fact = kind switch
        {
            Kind.Where => place,
            Kind.What => dice.Pick([deed, meal]),
            _ => dice.Pick(facts),
        };
        return kind switch
        {
            Kind.Who => Open(fact.Relation.AskSubject, fact.Subject),
            Kind.TrueFalse => Claim(turn % 2 == 0),
            Kind.WhichOfTwo => Choice(turn % 2 == 0),
            _ => Open(fact.Relation.AskObject, fact.Object),
        };

        StoryRecord Open(string[] patterns, string answer) =>
            new(kind, fact.Fill(dice.Pick(patterns)), story, answer, [name, deed.Object, place.Object, meal.Object], HasRivals: false);

        StoryRecord Claim(bool holds)
        {
            Fact claimed = holds ? fact : fact with { Object = Absent() };
            string question = dice.Pick(StoryTask.Claims).Replace("{c}", claimed.Fill(fact.Relation.Claim));
            return new StoryRecord(kind, question, story, holds ? "true" : "false", ["true", "false"], HasRivals: false);
        }

        StoryRecord Choice(bool answerFirst)
        {
            string other = Absent();
            string[] options = answerFirst ? [fact.Object, other] : [other, fact.Object];
            string question = fact.Fill(fact.Relation.AskObject[0]).TrimEnd('?') + $", the {options[0]} or the {options[1]}?";
            return new StoryRecord(kind, question, story, fact.Object, [fact.Object, other], HasRivals: false);
        }

        string Absent()
        {
            string[] all = fact.Relation.Objects(lexicon);
            string other;
            do
            {
                other = dice.Pick(all);
            }
            while (other == fact.Object);

            return other;
        }
    }
}
