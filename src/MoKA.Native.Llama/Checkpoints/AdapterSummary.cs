using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>One part of an adapted map's change: a filter, or the pair of a low-rank update.</summary>
/// <param name="Shape">As it is written: 16x8:16x32, I8:16x32, or r 16.</param>
/// <param name="Weight">How much it counts: its gate's weight, or the constant factor where there is no gate.</param>
/// <param name="NormA">The Frobenius norm of its first factor.</param>
/// <param name="NormB">That of its second; zero before training. An identity counts as none.</param>
/// <param name="MaximalRank">The largest rank it can have.</param>
/// <param name="ShorterSide">The shorter side of the map's weight, which bounds the sum of all parts' ranks; the largest number where the tensors do not show it.</param>
public readonly record struct AdapterPart(string Shape, double Weight, double NormA, double NormB, long MaximalRank, long ShorterSide = long.MaxValue);

/// <summary>One adapted map of a saved adapter.</summary>
/// <param name="Name">The module as the file calls it.</param>
/// <param name="Parts">The filters, or the one low-rank pair.</param>
/// <param name="Parameters">Trainable numbers, a gate's and a magnitude's included.</param>
public sealed record AdapterModule(string Name, IReadOnlyList<AdapterPart> Parts, long Parameters)
{
    /// <summary>The largest rank the update can have.</summary>
    public long MaximalRank => Math.Min(Parts.Sum(p => p.MaximalRank), Parts[0].ShorterSide);
}

/// <summary>What a saved adapter holds, read without its base.</summary>
public sealed record AdapterSummary
{
    private AdapterSummary(string peftType, string method, IReadOnlyList<string> targets, string baseModel, string baseHash, IReadOnlyList<AdapterModule> modules) =>
        (PeftType, Method, Targets, BaseModel, BaseHash, Modules) = (peftType, method, targets, baseModel, baseHash, modules);

    /// <summary>What kind of adapter it is.</summary>
    public string PeftType { get; }

    /// <summary>How it was built, in a line.</summary>
    public string Method { get; }

    /// <summary>Which kinds of projection its description names.</summary>
    public IReadOnlyList<string> Targets { get; }

    /// <summary>The base as it was named when training.</summary>
    public string BaseModel { get; }

    /// <summary>The hash of the base's weights; empty when the adapter does not say.</summary>
    public string BaseHash { get; }

    /// <summary>The adapted maps, ordered by name.</summary>
    public IReadOnlyList<AdapterModule> Modules { get; }

    /// <summary>Trainable numbers.</summary>
    public long ParameterCount => Modules.Sum(m => m.Parameters);

    /// <summary>Reads an adapter's folder.</summary>
    /// <exception cref="MokaException">A file is missing or damaged.</exception>
    public static AdapterSummary Read(string folder)
    {
        AdapterConfig config = AdapterConfig.Read(Path.Combine(folder, AdapterFolder.ConfigFile));
        AdapterFormat format = AdapterFolder.FormatOf(config);
        using SafetensorsFile file = new(Path.Combine(folder, AdapterFolder.WeightsFile));
        string[] stems = [.. file.Tensors.Keys.Select(name => format.StemOf(name)
            ?? throw new MokaException($"{file.Path}: the tensor {Quoted.Name(name)} is none of a {format.PeftType} adapter; check that it is the right file.")).Distinct().Order(StringComparer.Ordinal)];
        AdapterModule[] modules = [.. stems.Select(stem =>
        {
            long parameters = file.Tensors.Values.Where(t => format.StemOf(t.Name) == stem).Sum(t => t.ElementCount);
            return new AdapterModule(stem, format.Parts(config, new ModuleTensors(file, stem, stem)), parameters);
        })];
        return new AdapterSummary(format.PeftType, format.Method(config), [.. config.Targets().Select(HuggingFaceNames.KindOfTarget)], config.BaseModel, AdapterFolder.HashOf(config, file) ?? "", modules);
    }
}
