namespace StoryWorld;

/// <summary>The committed data: sizes and seeds.</summary>
internal static class Splits
{
    public const ulong PlainSeed = 3;

    public static StoryRecord[] Train() => StoryTask.Generate(_ => Lexicon.Train, seed: 1, count: 4000);

    public static StoryRecord[] Test() => StoryTask.Generate(_ => Lexicon.Test, seed: 2, count: 400);
}
