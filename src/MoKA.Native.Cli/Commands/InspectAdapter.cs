using MoKA.Native.Cli.Screens;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Checkpoints;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary>The inside of an adapter folder, read without its base.</summary>
internal static class InspectAdapter
{
    public static Inspection Folder(string path, bool tensors)
    {
        AdapterSummary a = AdapterSummary.Read(path);
        Inspection file = InspectFile.Safetensors(Path.Combine(path, MokaFolder.WeightsFile), tensors);
        List<IGrouping<string, AdapterModule>> kinds = [.. a.Modules.GroupBy(m => Quoted.Plain(m.Name.AsSpan()[(m.Name.LastIndexOf('.') + 1)..]))];
        GateSummary[] gates = [.. kinds.Where(AllAlike).Select(k => GateSummary.Of(k.Key, k.First().Shapes, [.. k.Select(m => m.GateWeights)]))];
        return new Inspection("MoKA adapter",
        [
            new("kind", "MoKA adapter"),
            new("path", path),
            new("base", Quoted.Plain(a.BaseModel)),
            new("base sha256", Quoted.Plain(a.BaseHash)),
            new("targets", a.Targets.ToString()),
            new("filters", $"{a.Options.Filters} a map{(a.Options.Gated ? $", gate softmax(g / {Number(a.Options.Temperature)})" : ", no gate")}, scale {Number(a.Options.Scale)}", a.Options.Filters),
            new("modules", Count(a.Modules.Count), a.Modules.Count),
            new("parameters", Count(a.ParameterCount), a.ParameterCount),
            file.Facts.First(f => f.Label == "size"),
            new("maps", "", a.Modules.Select(m => Fact.Named(m.Name, new Fact[]
            {
                new("shapes", "", m.Shapes.Select(s => s.ToString())), new("maximal rank", "", m.MaximalRank), new("parameters", "", m.Parameters),
                new("gate", "", m.GateWeights), new("norm a", "", m.NormsA), new("norm b", "", m.NormsB),
            }))),
            .. file.Facts.Where(f => f.Label is "tensors" or "list"),
        ])
        {
            Tables =
            [
                ("filters", ["map", "modules", "shapes", "rank up to", "norm of A", "norm of B"], [.. kinds.Select(Row)]),
                ("gates: how a map's weight of 1 is shared among its filters, mean over layers", GateSummary.Headers, [.. gates.Select(g => g.Row)]),
                .. file.Tables,
            ],
        };
    }

    private static bool AllAlike(IEnumerable<AdapterModule> modules) => modules.All(m => m.Shapes.SequenceEqual(modules.First().Shapes));

    private static string[] Row(IGrouping<string, AdapterModule> kind)
    {
        AdapterModule first = kind.First();
        return [kind.Key, $"{kind.Count()}", TrainPanel.Shapes(first.Shapes), $"{first.MaximalRank}", Range(kind.SelectMany(m => m.NormsA)), Range(kind.SelectMany(m => m.NormsB))];
    }

    private static string Range(IEnumerable<double> numbers) => Invariant($"{numbers.Min():0.00} to {numbers.Max():0.00}");
}
