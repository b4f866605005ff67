namespace StoryWorld;

/// <summary>The committed data: sizes and seeds.</summary>
internal static class Splits
{
    public const ulong PlainSeed = 3;

    /// <summary>Half of its words are invented, so that reading pays and remembering does not.</summary>
    public static StoryRecord[] Train() => StoryTask.Generate(Lexicon.Fresh, seed: 1, count: 4000);

    public static StoryRecord[] Test() => StoryTask.Generate(_ => Lexicon.Test, seed: 2, count: 400);
}
