namespace StoryWorld;

/// <summary>The words that answers are made of. No word is in two lists, and training and test share none.</summary>
internal sealed record Lexicon(string[] Names, string[] Things, string[] Spots, string[] Destinations, string[] Foods)
{
    public static Lexicon Train { get; } = new(
        Words("""
            Lily Ben Tom Tim Timmy Jack Anna Sam Sara John Mia Max Lucy Jane Molly Joe Bob Lila Sue Tommy Sally Jill Mary Amy
            Jimmy Billy Jen Benny Emma Andy Jake Grace Jim Jenny Elly Sandy Susie Henry Emily Sammy Danny Polly James Peter
            Bella Lisa Bobby Alice
            """),
        Words("""
            ball kite book doll hat cup drum boat truck train bell shell stick rock leaf flower key ring coin spoon blanket
            pillow scarf shoe sock balloon bear block puzzle crayon brush mirror lamp clock rope stone feather map pencil
            ribbon umbrella whistle robot dress coat mask button bike
            """),
        Words("box shed basket drawer bag kitchen garden tree bedroom closet cave pond yard tent car barn sink jar hole bathroom"),
        Words("park beach store farm zoo lake forest school market river library playground hill bridge castle field town museum pool bakery"),
        Words("cake soup pie bread apple banana sandwich pizza cookie carrot egg cheese juice milk rice fish salad candy orange pear"));

    public static Lexicon Test { get; } = new(
        Words("""
            Rosie Lola Frank Cindy Millie Sophie Leo Pete Ella Dave Chloe George Fred Claire Maddy Luna Kate Jerry Charlie Ted
            Clara Toby Ruby Oliver
            """),
        Words("""
            plane marble candle glove trumpet wagon necklace magnet ticket stamp sword crown flute card bottle plate towel
            camera guitar statue medal badge lantern compass
            """),
        Words("attic bucket cupboard chest garage hallway pot bush sack cabin crate stable"),
        Words("harbor island circus valley church fountain village station meadow palace hospital theater"),
        Words("pasta melon muffin pancake stew peach popcorn jam yogurt waffle toast honey"));

    /// <summary>The words of both, for the stories that a base is trained on.</summary>
    public static Lexicon Whole { get; } = new(
        [.. Train.Names, .. Test.Names], [.. Train.Things, .. Test.Things], [.. Train.Spots, .. Test.Spots],
        [.. Train.Destinations, .. Test.Destinations], [.. Train.Foods, .. Test.Foods]);

    public IEnumerable<string> All => [.. Names, .. Things, .. Spots, .. Destinations, .. Foods];

    private static string[] Words(string text) =>
        text.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);
}
