using MoKA.Native.Cli.Screens;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Checkpoints;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary>The inside of an adapter folder of any kind, read without its base.</summary>
internal static class InspectAdapter
{
    public static Inspection Folder(string path, bool tensors)
    {
        AdapterSummary a = AdapterSummary.Read(path);
        IReadOnlyDictionary<string, UpdateRank> ranks = AdapterRanks.Read(path);
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
            new("effective rank", Meaning(ranks.Values)),
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

    private static IEnumerable<Fact> Known(UpdateRank rank) => rank.Value is { } value ? [new("effective rank", "", value)] : [];

    // Why a map has none stands once, as it is the same for most.
    private static string Meaning(IEnumerable<UpdateRank> ranks) =>
        string.Join("; ", ranks.Where(r => r.Value is null).Select(r => $"-: {r.Reason}").Distinct().Prepend("exp of the entropy of the update's squared singular values, mean over layers"));

    private static string Mean(IGrouping<string, AdapterModule> kind, IReadOnlyDictionary<string, UpdateRank> ranks) =>
        kind.Average(m => ranks[m.Name].Value) is { } mean ? Invariant($"{mean:0.0}") : "-";

    private static string[] Row(IGrouping<string, AdapterModule> kind, IReadOnlyDictionary<string, UpdateRank> ranks)
    {
        AdapterModule first = kind.First();
        return [kind.Key, $"{kind.Count()}", TrainPanel.Grouped(Shapes(first)), $"{first.MaximalRank}", Mean(kind, ranks), Range(kind.SelectMany(m => m.Parts.Select(p => p.NormA))), Range(kind.SelectMany(m => m.Parts.Select(p => p.NormB)))];
    }

    private static string Range(IEnumerable<double> numbers) => Invariant($"{numbers.Min():0.00} to {numbers.Max():0.00}");
}
