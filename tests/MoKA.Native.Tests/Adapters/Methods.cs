using MoKA.Native.Adapters;

namespace MoKA.Native.Tests.Adapters;

/// <summary>One way to set each method, for what all of them owe.</summary>
internal static class Methods
{
    public static IReadOnlyDictionary<string, AdapterOptions> All { get; } = new Dictionary<string, AdapterOptions>
    {
        ["moka"] = new MokaOptions { Filters = 3 },
        ["moka ungated"] = new MokaOptions { Filters = 2, Gated = false, Dropout = 0.1f },
        ["moka-s"] = new MokaSOptions(),
        ["krona"] = new KronaOptions { Scale = 2 },
        ["lokr"] = new LokrOptions { Rank = 2, Dropout = 0.1f },
        ["lokr whole"] = new LokrOptions { Rank = 64 },
        ["lora"] = new LoraOptions { Rank = 4, Alpha = 6 },
        ["rslora"] = new LoraOptions { Rank = 4, RankStabilized = true, Dropout = 0.1f },
        ["lora+"] = new LoraOptions { Rank = 4, RateRatio = 16 },
        ["dora"] = new LoraOptions { Rank = 4, Decomposed = true },
    };

    public static TheoryData<string> Names => [.. All.Keys];
}
