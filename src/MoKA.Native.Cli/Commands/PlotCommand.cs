using System.CommandLine;
using MoKA.Native.Cli.Plots;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Training;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka plot</c>: a picture of an adapter's gates and norms, or of the losses of one or several runs.</summary>
internal static class PlotCommand
{
    public static Command Create(Session session)
    {
        Argument<string[]> paths = new("PATH") { Description = "One adapter, or one or more runs.", Arity = ArgumentArity.OneOrMore };
        Option<string?> output = Options.Text("--output", "-o", "FILE.svg", "The picture; adapter.svg or loss.svg in the current folder unless given.");
        Option<float> smooth = Options.Parsed("--smooth", "X", "How much of the running mean each step keeps, from 0 for none to below 1.", PlotStyle.Smoothing, text =>
            float.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out float number) && number is >= 0 and < 1 ? number : throw new MokaException($"--smooth must be at least 0 and below 1, got {Quoted.Name(text)}"));
        Option<bool> force = new("--force") { Description = "Write over a picture that is there." };
        Option<bool> json = Options.Json();
        Command command = new("plot", "Draw an adapter's gates and norms, or the losses of runs.") { paths, output, smooth, force, json };
        command.SetAction(parse =>
        {
            IReadOnlyList<Fact> facts = Draw(session, parse.GetRequiredValue(paths), parse.GetValue(output), parse.GetValue(smooth), parse.GetValue(force));
            if (parse.GetValue(json)) Fact.WriteJson(session.Terminal.Out, facts);
            else session.Results(parse).Panel("moka plot", [.. facts.Where(f => f.Text.Length > 0)]);
            return ExitCode.Success;
        });
        return command;
    }

    private static IReadOnlyList<Fact> Draw(Session session, string[] paths, string? output, float smooth, bool force)
    {
        string[] adapters = [.. paths.Where(IsAdapter)];
        if (adapters.Length > 0 && paths.Length > 1) throw new UsageException($"plot takes one adapter, or runs alone, got {paths.Length} paths with the adapter {Quoted.Plain(adapters[0])}; draw it by itself.");
        if (adapters.Length == 0 && paths.FirstOrDefault(p => !File.Exists(Path.Combine(p, RunFolder.MetricsFile))) is { } other)
            throw new MokaException($"{Quoted.Plain(other)}: neither an adapter ({AdapterFolder.ConfigFile}) nor a run ({RunFolder.MetricsFile}); check the path.");
        string file = output ?? Path.Combine(session.Terminal.Folder, adapters.Length > 0 ? "adapter.svg" : "loss.svg");
        if (!file.EndsWith(".svg", StringComparison.OrdinalIgnoreCase)) throw new UsageException($"--output must end in .svg, got {Quoted.Name(file)}.");
        if (Directory.Exists(file) || (!force && File.Exists(file))) throw new UsageException($"{Quoted.Plain(file)}: something is there already; name another file, or add --force to write over a picture.");
        return adapters.Length > 0 ? Adapter(adapters[0], file) : Runs(paths, file, smooth);
    }

    private static IReadOnlyList<Fact> Adapter(string path, string file)
    {
        AdapterSummary adapter = AdapterSummary.Read(path);
        AdapterPlot.Save(file, $"{Name(path)}: {adapter.Method}", adapter);
        return [new("kind", "adapter"), new("path", path), new("modules", Count(adapter.Modules.Count), adapter.Modules.Count), new("output", file)];
    }

    private static IReadOnlyList<Fact> Runs(string[] paths, string file, float smooth)
    {
        (string Path, RunLosses Losses)[] runs = [.. paths.Select(p => (p, RunLosses.Read(p)))];
        string[] names = [.. paths.Select(Name)];
        // Runs of one name in different folders go by their paths.
        if (names.Distinct().Count() < names.Length) names = [.. paths.Select(p => Quoted.Plain(p))];
        if (runs.Length == 1) LossPlot.Save(file, names[0], runs[0].Losses.Steps, runs[0].Losses.HeldOut, smooth);
        else RunsPlot.Save(file, [.. runs.Select((r, i) => (names[i], r.Losses))], smooth);
        return
        [
            new("kind", runs.Length == 1 ? "run" : "runs"),
            new("runs", string.Join("; ", runs.Select((r, i) => $"{names[i]} {r.Losses.Steps.Count} steps, running mean at the end {Loss(Last(r.Losses, smooth))}")), runs.Select(r => new Fact[] { new("path", r.Path), new("steps", "", r.Losses.Steps.Count), new("last running mean", "", Last(r.Losses, smooth)) })),
            new("output", file),
        ];
    }

    private static double Last(RunLosses losses, float smooth) => PlotStyle.Smooth(losses.Steps, smooth).Last().Loss;

    private static bool IsAdapter(string path) => File.Exists(Path.Combine(path, AdapterFolder.ConfigFile));

    private static string Name(string path) => Quoted.Plain(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))));
}
