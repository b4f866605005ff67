using System.CommandLine;
using MoKA.Native.Adapters;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Training;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka inspect --adapter-plan</c>: what each adapter method would train on a model, or on the sizes of a known one.</summary>
internal sealed class InspectPlan
{
    private static readonly string[] Columns = ["method", "with", "on", "trainable", "of the base", "multiply-adds", "by kind of map"];

    private readonly Option<bool> _wanted = new("--adapter-plan") { Description = "What each adapter method would train on the model." };
    private readonly Option<string?> _shape = new("--shape") { Description = $"Sizes instead of a model, for the plan: {string.Join(", ", LlamaShapes.Names)}.", HelpName = "NAME" };
    private readonly Option<string?> _targets = new("--targets") { Description = "What every method of the plan adapts, as in q,v; what is usual for each unless given.", HelpName = "KINDS" };
    private readonly Option<int> _filters = Options.Whole("--filters", "MoKA's filters in the plan.", new MokaOptions().Filters, 1, MokaOptions.MostFilters);
    private readonly Option<int> _rank = Options.Whole("--rank", "The rank of LoRA and DoRA in the plan; 0 for 16 and 32.", 0, 0, 4096);

    public IEnumerable<Option> All => [_wanted, _shape, _targets, _filters, _rank];

    /// <summary>The plan if it was asked for, else null.</summary>
    public Inspection? Of(ParseResult parse, string? path)
    {
        string? name = parse.GetValue(_shape), targets = parse.GetValue(_targets);
        if (!parse.GetValue(_wanted))
        {
            if (All.Skip(1).FirstOrDefault(o => Options.Given(parse, o)) is { } lone) throw new UsageException($"{lone.Name} is for the plan of adapters; add --adapter-plan.");
            return path is null ? throw new UsageException("inspect needs a PATH, or --shape with --adapter-plan, got neither; see moka inspect --help") : null;
        }
        if ((path is null) == (name is null)) throw new UsageException($"--adapter-plan needs a PATH or a --shape, got {(path is null ? "neither" : "both")}; give one of them.");
        if (name is not null && !LlamaShapes.Names.Contains(name)) throw new UsageException($"--shape must be one of {string.Join(", ", LlamaShapes.Names)}, got {Diagnostics.Quoted.Name(name)}.");
        LlamaConfig config = name is not null ? LlamaShapes.Find(name) : ModelSource.Open(path!).Config;
        int rank = parse.GetValue(_rank);
        IReadOnlyList<AdapterPlan> plans = UsageException.Check(() => AdapterPlan.Usual(config, parse.GetValue(_filters), rank == 0 ? null : rank, targets is null ? null : AdapterTargets.Parse(targets)));
        return new Inspection("adapter plan",
        [
            new("kind", "adapter plan"),
            name is null ? new("path", path!) : new("name", name),
            new("shape", TrainPanel.Model(config)),
            new("parameters", Count(config.ParameterCount), config.ParameterCount),
            new("multiply adds", $"{Count(BaseCost(config))} a token in the linear maps of the base", BaseCost(config)),
            new("methods", "", plans.Select(Facts)),
        ])
        {
            Tables = [("what each method would train", Columns, [.. plans.Select(Row)])],
        };
    }

    private static long BaseCost(LlamaConfig config) => config.Layers * config.LinearMaps.Sum(m => (long)m.Outputs * m.Inputs);

    private static string[] Row(AdapterPlan p) =>
    [
        p.Method.Method, p.Method.Brief, p.Targets.ToString(), Whole(p.Parameters), Invariant($"{100 * p.Share:0.000} %"), Count(p.Cost),
        string.Join("  ", p.Kinds.GroupBy(k => k.Cost).Select(g => $"{string.Join(',', g.Select(k => k.Kind))} {Whole(g.Key.Parameters)}")) + (p.Gates > 0 ? $"  gates {Whole(p.Gates)} of them" : ""),
    ];

    private static Fact[] Facts(AdapterPlan p) =>
    [
        new("method", p.Method.Method), new("settings", p.Method.Brief), new("targets", "", p.Targets.Kinds),
        new("parameters", "", p.Parameters), new("gates", "", p.Gates), new("share", "", p.Share), new("multiply adds", "", p.Cost),
        new("kinds", "", p.Kinds.Select(k => Fact.Named(k.Kind, new Fact[] { new("parameters", "", k.Cost.Parameters), new("gates", "", k.Cost.Gates), new("multiply adds", "", k.Cost.Cost) }))),
    ];

    private static string Whole(long number) => Invariant($"{number:#,0}");
}
