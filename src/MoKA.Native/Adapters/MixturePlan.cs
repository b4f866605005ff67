namespace MoKA.Native.Adapters;

/// <summary>The shapes of a mixture's filters, and what they cost and allow together.</summary>
/// <param name="Shapes">One for each filter, all of one map.</param>
public sealed record MixturePlan(IReadOnlyList<KroneckerShape> Shapes)
{
    /// <summary>Trainable numbers of all filters; a gate adds one a filter.</summary>
    public long Parameters { get; } = Shapes.Sum(s => s.Parameters);

    /// <summary>What bounds the update's rank: the sum of the filters' ranks, and the map's shorter side.</summary>
    public long MaximalRank { get; } = Math.Min(Shapes.Sum(s => s.MaximalRank), Math.Min(Shapes[0].Out, Shapes[0].In));

    /// <summary>Multiply-adds a token, each filter in its cheaper order.</summary>
    public long Cost { get; } = Shapes.Sum(s => s.Cost);

    /// <summary>Whether this one is nowhere worse than <paramref name="other"/>, and somewhere better.</summary>
    public bool Dominates(MixturePlan other) =>
        Parameters <= other.Parameters && MaximalRank >= other.MaximalRank && Cost <= other.Cost
        && (Parameters < other.Parameters || MaximalRank > other.MaximalRank || Cost < other.Cost);
}
