using MoKA.Native.Diagnostics;

namespace MoKA.Native.Adapters;

/// <summary>
/// Chooses filter shapes for a map: the mixtures of r filters that no other mixture of r filters beats, that is, has no
/// more parameters, no lower bound on the rank and no more multiply-adds, and is better in one of them.
/// </summary>
/// <remarks>
/// The search is exact without trying all mixtures. Parameters and multiply-adds of a mixture are sums over its filters,
/// and so is the rank up to the map's shorter side; hence replacing some of the filters by as many that beat them, or do
/// as well, makes no mixture worse. So filters need only have shapes that no other shape beats (of the 312 of a map
/// [14336, 4096] 30, alike ones counted once), and the best mixtures of r filters are among the best of r - 1 with one
/// filter more: what is beaten is dropped after every filter. Shapes that are alike in all three, such as 16x256:256x16 and 256x16:16x256, count as one
/// in the search and are dealt out in turn, since filters of different shapes together span more.
/// </remarks>
public static class ShapePlanner
{
    /// <summary>The mixtures that none beats, of fewest parameters first; equal in all three, only one.</summary>
    /// <param name="outputs">The length of an output row.</param>
    /// <param name="inputs">The length of an input row.</param>
    /// <param name="filters">r, how many filters a mixture has.</param>
    /// <param name="budget">The most parameters of a mixture, without its gate.</param>
    /// <param name="minRank">The least bound on the rank.</param>
    /// <returns>Empty when no mixture keeps to the budget and reaches the rank.</returns>
    /// <exception cref="MokaException">A length is not positive, or there are too few or too many filters.</exception>
    public static IReadOnlyList<MixturePlan> Propose(int outputs, int inputs, int filters, long budget = long.MaxValue, long minRank = 0)
    {
        if (outputs < 1 || inputs < 1) throw new MokaException($"Filter shapes: the adapted weight must not be empty, got [{outputs}, {inputs}].");
        if (filters is < 1 or > MokaOptions.MostFilters) throw new MokaException($"Filters: there must be 1 to {MokaOptions.MostFilters}, got {filters}.");
        long shorter = Math.Min(outputs, inputs);
        KroneckerShape[][] alike = [.. KroneckerShapes.CheapestFirst(outputs, inputs).GroupBy(s => (s.Parameters, s.MaximalRank, s.Cost)).Select(g => g.ToArray())];
        Step[] single = Unbeaten([.. alike.Select((a, i) => new Step(a[0].Parameters, a[0].MaximalRank, a[0].Cost, i, Before: null))]);
        Step[] best = single;
        for (int i = 1; i < filters; i++)
            best = Unbeaten([.. from part in best from one in single select new Step(part.Parameters + one.Parameters, Math.Min(shorter, part.Rank + one.Rank), part.Cost + one.Cost, one.Alike, part)]);
        // A mixture that beats one within the limits keeps to them too, so what is left are the best within them.
        return [.. best.Where(s => s.Parameters <= budget && s.Rank >= minRank).Select(s => new MixturePlan(Dealt(s, alike)))];
    }

    /// <summary>
    /// Those that no other beats, in order of parameters. A mixture can only be beaten by an earlier one in that order, so
    /// of these it is enough to keep the stairs: for each rank the fewest multiply-adds at that rank or a higher one.
    /// </summary>
    private static Step[] Unbeaten(Step[] steps)
    {
        List<Step> kept = [];
        SortedList<long, long> stairs = []; // -rank -> multiply-adds, falling as the rank does
        foreach (Step step in steps.OrderBy(s => s.Parameters).ThenByDescending(s => s.Rank).ThenBy(s => s.Cost))
        {
            int higher = FirstBelow(stairs, step.Rank);
            if (higher > 0 && stairs.GetValueAtIndex(higher - 1) <= step.Cost) continue;
            kept.Add(step);
            stairs[-step.Rank] = step.Cost;
            int next = stairs.IndexOfKey(-step.Rank) + 1;
            while (next < stairs.Count && stairs.GetValueAtIndex(next) >= step.Cost) stairs.RemoveAt(next);
        }
        return [.. kept];
    }

    /// <summary>How many stairs have at least this rank.</summary>
    private static int FirstBelow(SortedList<long, long> stairs, long rank)
    {
        int low = 0, high = stairs.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (-stairs.GetKeyAtIndex(middle) >= rank) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    /// <summary>The filters of a mixture, those of the highest rank first, alike shapes in turn.</summary>
    private static KroneckerShape[] Dealt(Step last, KroneckerShape[][] alike)
    {
        List<int> kinds = [];
        for (Step? step = last; step is not null; step = step.Before) kinds.Add(step.Alike);
        return
        [
            .. kinds.GroupBy(k => k).OrderByDescending(g => alike[g.Key][0].MaximalRank).ThenBy(g => g.Key)
                .SelectMany(g => g.Select((k, i) => alike[k][i % alike[k].Length])),
        ];
    }

    /// <summary>A mixture as the one before it and one filter more, of a group of alike shapes.</summary>
    private sealed record Step(long Parameters, long Rank, long Cost, int Alike, Step? Before);
}
