namespace StoryWorld;

/// <summary>The committed data: sizes and seeds.</summary>
internal static class Splits
{
    public const ulong PlainSeed = 3;

    public static StoryRecord[] Train() => StoryTask.Generate(Lexicon.Train, seed: 1, count: 4000);

    public static StoryRecord[] Test() => StoryTask.Generate(Lexicon.Test, seed: 2, count: 400);
}
