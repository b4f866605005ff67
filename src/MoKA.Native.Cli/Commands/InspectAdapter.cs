using MoKA.Native.Cli.Screens;
using MoKA.Native.Diagnostics;
using MoKA.Native.LinearAlgebra;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary>The inside of an adapter folder of any kind; its base is read only when it is given.</summary>
internal static class InspectAdapter
{
    /// <param name="path">The adapter's folder.</param>
    /// <param name="model">Its base, or null.</param>
    /// <param name="tensors">Whether every tensor is listed.</param>
    /// <param name="cancel">Stops between two maps.</param>
    public static Inspection Folder(string path, string? model, bool tensors, CancellationToken cancel)
    {
        AdapterSummary a = AdapterSummary.Read(path);
        using Cpu cpu = new();
        IReadOnlyDictionary<string, UpdateRank> ranks = AdapterRanks.Read(path, cpu, model is null ? null : Base(path, model, a), cancel);
        Inspection file = InspectFile.Safetensors(Path.Combine(path, AdapterFolder.WeightsFile), tensors);
        List<IGrouping<string, AdapterModule>> kinds = [.. a.Modules.GroupBy(m => Quoted.Plain(m.Name.AsSpan()[(m.Name.LastIndexOf('.') + 1)..]))];
        GateSummary[] gates = [.. kinds.Where(k => AllAlike(k) && k.First().Parts.Count > 1).Select(k => GateSummary.Of(k.Key, Shapes(k.First()), [.. k.Select(m => m.Parts.Select(p => p.Weight).ToArray())]))];
        List<(string, IReadOnlyList<string>, IReadOnlyList<IReadOnlyList<string>>)> tables = [("filters", ["map", "modules", "shapes", "rank up to", "effective rank", "norm of A", "norm of B"], [.. kinds.Select(k => Row(k, ranks))])];
        if (gates.Length > 0) tables.Add(("gates: how a map's weight of 1 is shared among its filters, mean over layers", GateSummary.Headers, [.. gates.Select(g => g.Row)]));
        return new Inspection($"{a.PeftType} adapter",
        [
            new("kind", $"{Name(a.PeftType)} adapter"),
            new("path", path),
            new("base", Quoted.Plain(a.BaseModel)),
            new("base sha256", Quoted.Plain(a.BaseHash)),
            new("targets", string.Join(',', a.Targets.Select(t => Quoted.Plain(t)))),
            new("method", a.Method),
            new("modules", Count(a.Modules.Count), a.Modules.Count),
            new("parameters", Count(a.ParameterCount), a.ParameterCount),
            file.Facts.First(f => f.Label == "size"),
            new("effective rank", Meaning([.. ranks.Values])),
            new("maps", "", a.Modules.Select(m => Fact.Named(m.Name, (Fact[])
            [
                new("shapes", "", Shapes(m)), new("maximal rank", "", m.MaximalRank), new("parameters", "", m.Parameters),
                .. Known(ranks[m.Name]),
                new("gate", "", m.Parts.Select(p => p.Weight)), new("norm a", "", m.Parts.Select(p => p.NormA)), new("norm b", "", m.Parts.Select(p => p.NormB)),
            ]))),
            .. file.Facts.Where(f => f.Label is "tensors" or "list"),
        ])
        {
            Tables = [.. tables, .. file.Tables],
        };
    }

    // As people write them; the file's own spelling stands in the title.
    private static string Name(string peftType) => peftType switch { "MOKA" => "MoKA", "MOKA_S" => "MoKA_s", "KRONA" => "KronA", "LORA" => "LoRA", "LOKR" => "LoKr", _ => peftType };

    private static string[] Shapes(AdapterModule module) => [.. module.Parts.Select(p => p.Shape)];

    private static bool AllAlike(IEnumerable<AdapterModule> modules) => modules.All(m => Shapes(m).SequenceEqual(Shapes(modules.First())));

    /// <summary>The base, if it is the one that the adapter was trained on.</summary>
    private static LlamaModel Base(string path, string model, AdapterSummary adapter)
    {
        ModelSource source = ModelSource.Open(model);
        return adapter.BaseHash.Length == 0 || adapter.BaseHash == source.Hash()
            ? source.LoadModel()
            : throw new MokaException($"{Quoted.Plain(path)}: this adapter was trained on another model ({Quoted.Plain(adapter.BaseModel)}) than {Quoted.Plain(model)}; give that one.");
    }

    private static IEnumerable<Fact> Known(UpdateRank rank)
    {
        if (rank.Value is { } value) yield return new("effective rank", "", value);
        if (rank.Estimated) yield return new("effective rank error", "", rank.StandardError);
    }

    // Why a map has none stands once, as it is the same for most.
    private static string Meaning(IReadOnlyCollection<UpdateRank> ranks)
    {
        List<string> parts = ["exp of the entropy of the update's squared singular values, mean over layers"];
        if (ranks.Any(r => r.Estimated))
            parts.Add(Invariant($"~: estimated from {EffectiveRankEstimate.Strongest} strong and {EffectiveRankEstimate.Probes} random directions, each map with a standard error of at most {ranks.Max(r => r.Value > 0 ? 100 * r.StandardError / r.Value : 0):0.0} %"));
        parts.AddRange(ranks.Where(r => r.Value is null).Select(r => $"-: {r.Reason}").Distinct());
        return string.Join("; ", parts);
    }

    private static string Mean(IGrouping<string, AdapterModule> kind, IReadOnlyDictionary<string, UpdateRank> ranks)
    {
        UpdateRank[] known = [.. kind.Select(m => ranks[m.Name]).Where(r => r.Value is not null)];
        if (known.Length == 0) return "-";
        double mean = known.Average(r => r.Value!.Value);
        return !known.Any(r => r.Estimated) ? Invariant($"{mean:0.0}") : mean < 100 ? Invariant($"~ {mean:0.0}") : Invariant($"~ {mean:0}");
    }

    private static string[] Row(IGrouping<string, AdapterModule> kind, IReadOnlyDictionary<string, UpdateRank> ranks)
    {
        AdapterModule first = kind.First();
        return [kind.Key, $"{kind.Count()}", TrainPanel.Grouped(Shapes(first)), $"{first.MaximalRank}", Mean(kind, ranks), Range(kind.SelectMany(m => m.Parts.Select(p => p.NormA))), Range(kind.SelectMany(m => m.Parts.Select(p => p.NormB)))];
    }

    private static string Range(IEnumerable<double> numbers) => Invariant($"{numbers.Min():0.00} to {numbers.Max():0.00}");
}
