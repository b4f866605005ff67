using MoKA.Native.Diagnostics;

namespace StoryWorld;

/// <summary>A sequence of random choices that (seed, stream) names.</summary>
internal sealed class Dice(ulong seed, ulong stream)
{
    private ulong _index;

    public int Below(int bound) => CounterRandom.Below(seed, stream, _index++, bound);

    public bool Chance(int times, int outOf) => Below(outOf) < times;

    public T Pick<T>(IReadOnlyList<T> choices) => choices[Below(choices.Count)];

    /// <summary>Different choices, in random order.</summary>
    public T[] Draw<T>(IReadOnlyList<T> choices, int count)
    {
        T[] all = [.. choices];
        for (int i = 0; i < count; i++)
        {
            int j = i + Below(all.Length - i);
            (all[i], all[j]) = (all[j], all[i]);
        }

        return all[..count];
    }

    public T[] Shuffle<T>(IReadOnlyList<T> items) => Draw(items, items.Count);
}
