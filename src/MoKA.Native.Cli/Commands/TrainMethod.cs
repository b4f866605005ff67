using MoKA.Native.Adapters;

namespace MoKA.Native.Cli.Commands;

/// <summary>A way to fine-tune by the name that --method gives it, and which options it takes.</summary>
/// <param name="Name">moka, lora, ...</param>
/// <param name="Takes">The options that mean something to it, beside those that all take.</param>
/// <param name="Create">Its options from a run's settings.</param>
internal sealed record TrainMethod(string Name, IReadOnlyList<string> Takes, Func<TrainSettings, AdapterOptions> Create)
{
    public const string Filters = "--filters", Shapes = "--shapes", Scale = "--scale", Temperature = "--temperature", Gate = "--gate", Rank = "--rank", Alpha = "--alpha", RateRatio = "--rate-ratio", Factor = "--decompose-factor", Both = "--decompose-both";

    /// <summary>Every way.</summary>
    public static IReadOnlyList<TrainMethod> All { get; } =
    [
        new("moka", [Filters, Shapes, Scale, Temperature, Gate], s => new MokaOptions
        {
            Filters = s.Shapes.Count > 0 ? s.Shapes.Count : s.Filters, Shapes = [.. s.Shapes.Select(KroneckerShape.Parse)], Scale = s.Scale, Dropout = s.Dropout, Temperature = s.Temperature, Gated = s.Gated,
        }),
        new("moka-s", [Shapes, Scale, Temperature, Gate], s => new MokaSOptions { Shapes = [.. s.Shapes.Select(IdentityShape.Parse)], Scale = s.Scale, Dropout = s.Dropout, Temperature = s.Temperature, Gated = s.Gated }),
        new("krona", [Shapes, Scale], s => new KronaOptions { Shape = One(s.Shapes), Scale = s.Scale, Dropout = s.Dropout }),
        new("lokr", [Rank, Alpha, Factor, Both], s => new LokrOptions { Rank = s.Rank, Alpha = s.Alpha, Dropout = s.Dropout, Factor = s.DecomposeFactor, DecomposeBoth = s.DecomposeBoth }),
        new("lora", [Rank, Alpha, RateRatio], s => Lora(s)),
        new("rslora", [Rank, Alpha, RateRatio], s => Lora(s) with { RankStabilized = true }),
        new("dora", [Rank, Alpha, RateRatio], s => Lora(s) with { Decomposed = true }),
    ];

    /// <summary>The way of a name, which has been checked.</summary>
    public static TrainMethod ByName(string name) => All.First(m => m.Name == name);

    private static LoraOptions Lora(TrainSettings s) => new() { Rank = s.Rank, Alpha = s.Alpha, Dropout = s.Dropout, RateRatio = s.RateRatio };

    private static KroneckerShape? One(IReadOnlyList<string> shapes) => shapes.Count switch
    {
        0 => null,
        1 => KroneckerShape.Parse(shapes[0]),
        _ => throw new UsageException($"--shapes: KronA has one filter, got {shapes.Count}; use --method moka for several."),
    };
}
