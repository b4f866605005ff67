using System.CommandLine;
using MoKA.Native.Adapters;
using MoKA.Native.Cli.Screens;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka shapes</c>: the filters that a map can have, what each costs and allows, and mixtures of them worth choosing.</summary>
internal static class ShapesCommand
{
    private const int LongestSide = 1 << 22, Shown = 20;

    private static readonly string[] Columns = ["shape", "parameters", "rank up to", "multiply-adds", "order"], PlanColumns = ["parameters", "rank up to", "multiply-adds", "shapes"];

    public static Command Create(Session session)
    {
        Option<int> inputs = Side("--in", "N", "The map's inputs, columns of its weight."), outputs = Side("--out", "M", "The map's outputs, rows of its weight.");
        Option<int> filters = Options.Whole("--filters", "Filters of a mixture.", new MokaOptions().Filters, 1, MokaOptions.MostFilters);
        Option<int> budget = Options.Whole("--budget", "The most parameters of a mixture, its gate aside; 0 for no limit.", 0, 0);
        Option<int> rank = Options.Whole("--min-rank", "The least rank that a mixture must allow.", 0, 0);
        Option<bool> all = new("--all") { Description = "Every shape and every proposal, not a selection." };
        Option<bool> json = Options.Json();
        Command command = new("shapes", "List the Kronecker filters of a map and propose mixtures of them.") { inputs, outputs, filters, budget, rank, all, json };
        command.SetAction(parse =>
        {
            Inspection found = Of(parse.GetRequiredValue(outputs), parse.GetRequiredValue(inputs), parse.GetValue(filters), parse.GetValue(budget), parse.GetValue(rank), parse.GetValue(all));
            if (parse.GetValue(json)) Fact.WriteJson(session.Terminal.Out, found.Facts);
            else found.Show(session.Results(parse));
            return ExitCode.Success;
        });
        return command;
    }

    private static Option<int> Side(string name, string helpName, string description)
    {
        Option<int> side = Options.Whole(name, description, 0, 1, LongestSide);
        (side.Required, side.DefaultValueFactory, side.HelpName) = (true, null, helpName);
        return side;
    }

    private static Inspection Of(int outputs, int inputs, int filters, int budget, int rank, bool all)
    {
        KroneckerShape[] shapes = [.. KroneckerShapes.CheapestFirst(outputs, inputs)];
        IdentityShape[] identities = [.. KroneckerShapes.WithIdentity(outputs, inputs)];
        IReadOnlyList<MixturePlan> plans = Plans(outputs, inputs, filters, budget, rank, shapes[0]);
        MixturePlan usual = new(KroneckerShapes.Balanced(outputs, inputs, filters));
        KroneckerShape[] shown = all ? shapes : shapes[..Math.Min(Shown, shapes.Length)];
        MixturePlan[] chosen = all ? [.. plans] : [.. Selection(plans)];
        return new Inspection("moka shapes",
        [
            new("map", $"[{outputs}, {inputs}], {Count((double)outputs * inputs)} numbers", new[] { outputs, inputs }),
            new("filters", $"{filters}", filters),
            new("budget", budget == 0 ? "none" : $"{Count(budget)} parameters", budget),
            new("min rank", rank == 0 ? "none" : $"{rank}", rank),
            new("shapes", $"{shapes.Length}, {(all ? "all" : $"{shown.Length} of fewest parameters")} listed", shapes.Select(Facts)),
            new("identity shapes", $"{identities.Length}", identities.Select(Facts)),
            new("proposals", $"{plans.Count} that no other mixture beats{(all ? "" : $", {chosen.Length} listed")}", plans.Select(Facts)),
            new("default", $"{Count(usual.Parameters)} parameters, rank up to {usual.MaximalRank}, {Count(usual.Cost)} multiply-adds a token: {Listed(usual)}", Facts(usual)),
            new("why", Why(usual, shapes)),
            new("beaten by", Beaten(usual, plans), plans.Count(p => p.Dominates(usual))),
        ])
        {
            Tables =
            [
                ("filters A ⊗ B, each alone", Columns, [.. shown.Select(s => new[] { s.ToString(), $"{s.Parameters}", $"{s.MaximalRank}", $"{s.Cost}", Order(s) })]),
                ("filters with an identity", Columns, [.. identities.Select(s => new[] { s.ToString(), $"{s.Parameters}", $"{s.MaximalRank}", $"{s.Cost}", "one product" })]),
                ($"mixtures of {filters} filters{(all ? "" : "; for each doubling of the rank that of fewest parameters and that of fewest multiply-adds")}", PlanColumns, [.. chosen.Select(p => new[] { $"{p.Parameters}", $"{p.MaximalRank}", $"{p.Cost}", Listed(p) })]),
            ],
        };
    }

    private static IReadOnlyList<MixturePlan> Plans(int outputs, int inputs, int filters, int budget, int rank, KroneckerShape cheapest)
    {
        int highest = Math.Min(outputs, inputs);
        if (rank > highest) throw new UsageException($"--min-rank must be at most {highest}, the shorter side of [{outputs}, {inputs}], got {rank}.");
        long least = filters * cheapest.Parameters, most = budget == 0 ? long.MaxValue : budget;
        if (most < least) throw new UsageException($"--budget must be at least {least}, what {filters} filters of {cheapest} have, got {budget}; raise it or ask for fewer filters.");
        IReadOnlyList<MixturePlan> plans = ShapePlanner.Propose(outputs, inputs, filters, most, rank);
        if (plans.Count > 0) return plans;
        long needed = ShapePlanner.Propose(outputs, inputs, filters, minRank: rank).Min(p => p.Parameters);
        throw new UsageException($"--budget must be at least {needed} for {filters} filters that allow rank {rank}, got {budget}; raise it or lower --min-rank.");
    }

    private static IEnumerable<MixturePlan> Selection(IReadOnlyList<MixturePlan> plans) =>
        plans.GroupBy(p => long.Log2(Math.Max(1, p.MaximalRank))).SelectMany(g => new[] { g.MinBy(p => (p.Parameters, p.Cost))!, g.MinBy(p => (p.Cost, p.Parameters))! })
            .Distinct().OrderBy(p => p.MaximalRank).ThenBy(p => p.Parameters).ThenBy(p => p.Cost);

    private static string Why(MixturePlan usual, KroneckerShape[] shapes)
    {
        int family = usual.Shapes.Distinct().Count();
        long least = shapes[0].Parameters, most = usual.Shapes.Max(s => s.Parameters);
        return $"{(family == 1 ? "the shape" : $"the {family} shapes")} of fewest parameters, {(least == most ? $"{Count(least)} each" : $"{Count(least)} to {Count(most)}")}, none more than half above the fewest, A nearest to square first{(usual.Shapes.Count > family && family > 1 ? ", taken in turn" : "")}: "
            + $"ranks up to {string.Join(", ", usual.Shapes.Select(s => s.MaximalRank).Distinct())} at about one price";
    }

    private static string Beaten(MixturePlan usual, IReadOnlyList<MixturePlan> plans)
    {
        int better = plans.Count(p => p.Dominates(usual));
        return better == 0 ? "no proposal" : $"{better} of the proposals on paper: where one filter reaches the full rank, the bound no longer sees what the others add; the default keeps them diverse";
    }

    private static string Listed(MixturePlan plan) => TrainPanel.Grouped(plan.Shapes.Select(s => s.ToString()));

    private static string Order(KroneckerShape s) => s.CostAFirst == s.CostBFirst ? "either" : s.AFirst ? "A first" : "B first";

    private static Fact[] Facts(KroneckerShape s) =>
    [
        new("shape", s.ToString()), new("parameters", "", s.Parameters), new("maximal rank", "", s.MaximalRank), new("a first", "", s.CostAFirst), new("b first", "", s.CostBFirst), new("order", Order(s)),
    ];

    private static Fact[] Facts(IdentityShape s) => [new("shape", s.ToString()), new("parameters", "", s.Parameters), new("maximal rank", "", s.MaximalRank), new("multiply adds", "", s.Cost)];

    private static Fact[] Facts(MixturePlan p) => [new("shapes", "", p.Shapes.Select(s => s.ToString())), new("parameters", "", p.Parameters), new("maximal rank", "", p.MaximalRank), new("multiply adds", "", p.Cost)];
}
