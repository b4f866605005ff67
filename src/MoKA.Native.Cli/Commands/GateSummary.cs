using MoKA.Native.Adapters;
using MoKA.Native.Cli.Screens;

namespace MoKA.Native.Cli.Commands;

/// <summary>The gates of one kind of projection over all layers: how the weight is shared among the filters.</summary>
/// <param name="Kind">q, k, v, ...</param>
/// <param name="Shapes">One for each filter.</param>
/// <param name="Mean">α of each filter, the mean over the layers; they sum to 1.</param>
/// <param name="Least">The smallest weight of any filter in any layer.</param>
/// <param name="Most">The largest.</param>
internal sealed record GateSummary(string Kind, IReadOnlyList<string> Shapes, IReadOnlyList<double> Mean, double Least, double Most)
{
    public static readonly IReadOnlyList<string> Headers = ["map", "each filter", "least", "most", "by shape"];

    /// <summary>The weight of all filters of a shape, the heaviest shape first.</summary>
    public IEnumerable<(string Shape, double Weight)> ByShape =>
        Shapes.Zip(Mean).GroupBy(p => p.First).Select(g => (g.Key, g.Sum(p => p.Second))).OrderByDescending(s => s.Item2);

    public IReadOnlyList<string> Row =>
    [
        Kind,
        Format.Sparks(Mean, floor: 0),
        Format.Invariant($"{Least:0.000}"),
        Format.Invariant($"{Most:0.000}"),
        string.Join("  ", ByShape.Take(2).Select(s => Format.Invariant($"{s.Shape} {100 * s.Weight:0} %"))),
    ];

    /// <summary>One summary for each adapted kind whose adapters have a gate over the same parts, in the model's order.</summary>
    public static IReadOnlyList<GateSummary> Of(AdapterSet adapters) =>
    [
        .. adapters.Entries.Where(e => e.Adapter.PartWeights is not null).GroupBy(e => e.Projection.Kind, e => e.Adapter)
            .Where(g => g.All(a => a.Parts.SequenceEqual(g.First().Parts)))
            .Select(g => Of(g.Key, g.First().Parts, [.. g.Select(a => a.PartWeights!.Select(w => (double)w).ToArray())])),
    ];

    /// <summary>From the weights [layers][filters] of one kind.</summary>
    public static GateSummary Of(string kind, IReadOnlyList<string> shapes, IReadOnlyList<IReadOnlyList<double>> layers) =>
        new(kind, shapes, [.. shapes.Select((_, i) => layers.Average(l => l[i]))], layers.Min(l => l.Min()), layers.Max(l => l.Max()));

    public IEnumerable<Fact> Facts() =>
    [
        new("shapes", "", Shapes),
        new("mean", "", Mean.Select(m => Math.Round(m, 6))),
        new("least", "", Math.Round(Least, 6)),
        new("most", "", Math.Round(Most, 6)),
    ];
}
