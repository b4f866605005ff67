using MoKA.Native.Adapters;

namespace MoKA.Native.Cli.Commands;

/// <summary>A way to fine-tune by the name that --method gives it, and which options it takes.</summary>
/// <param name="Name">moka, lora, ...</param>
/// <param name="Takes">The options that mean something to it, beside those that all take.</param>
/// <param name="Create">Its options from a run's settings and a list of shapes.</param>
internal sealed record TrainMethod(string Name, IReadOnlyList<string> Takes, Func<TrainSettings, IReadOnlyList<string>, AdapterOptions> Create)
{
    public const string Filters = "--filters", Shapes = "--shapes", Scale = "--scale", Temperature = "--temperature", Gate = "--gate", Rank = "--rank", Alpha = "--alpha", RateRatio = "--rate-ratio", Factor = "--decompose-factor", Both = "--decompose-both";

    /// <summary>Every way.</summary>
    public static IReadOnlyList<TrainMethod> All { get; } =
    [
        new("moka", [Filters, Shapes, Scale, Temperature, Gate], (s, shapes) => new MokaOptions
        {
            Filters = s.Shapes.Filters ?? s.Filters, Shapes = [.. shapes.Select(KroneckerShape.Parse)], Scale = s.Scale, Dropout = s.Dropout, Temperature = s.Temperature, Gated = s.Gated,
        }),
        new("moka-s", [Shapes, Scale, Temperature, Gate], (s, shapes) => new MokaSOptions { Shapes = [.. shapes.Select(IdentityShape.Parse)], Scale = s.Scale, Dropout = s.Dropout, Temperature = s.Temperature, Gated = s.Gated }),
        new("krona", [Shapes, Scale], (s, shapes) => new KronaOptions { Shape = One(shapes), Scale = s.Scale, Dropout = s.Dropout }),
        new("lokr", [Rank, Alpha, Factor, Both], (s, _) => new LokrOptions { Rank = s.Rank, Alpha = s.Alpha, Dropout = s.Dropout, Factor = s.DecomposeFactor, DecomposeBoth = s.DecomposeBoth }),
        new("lora", [Rank, Alpha, RateRatio], (s, _) => Lora(s)),
        new("rslora", [Rank, Alpha, RateRatio], (s, _) => Lora(s) with { RankStabilized = true }),
        new("dora", [Rank, Alpha, RateRatio], (s, _) => Lora(s) with { Decomposed = true }),
    ];

    /// <summary>Its options from a run's settings, with an exception for every kind of map that has shapes of its own.</summary>
    public AdapterOptions Options(TrainSettings settings) => settings.Shapes.Build(shapes => Create(settings, shapes));

    /// <summary>The way of a name, which has been checked.</summary>
    public static TrainMethod ByName(string name) => All.First(m => m.Name == name);

    /// <summary>The way that these options are of.</summary>
    public static TrainMethod Of(AdapterOptions options)
    {
        TrainSettings none = new() { Model = "", Data = "", Output = "" };
        return All.First(m => m.Create(none, []).Method == options.Method);
    }

    private static LoraOptions Lora(TrainSettings s) => new() { Rank = s.Rank, Alpha = s.Alpha, Dropout = s.Dropout, RateRatio = s.RateRatio };

    private static KroneckerShape? One(IReadOnlyList<string> shapes) => shapes.Count switch
    {
        0 => null,
        1 => KroneckerShape.Parse(shapes[0]),
        _ => throw new UsageException($"--shapes: KronA has one filter a map, got {shapes.Count}; use --method moka for several."),
    };
}
