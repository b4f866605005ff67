using System.CommandLine;
using MoKA.Native.Adapters;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Nn;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka import</c>: an adapter of another kind, or a fine-tuned model, as a mixture of Kronecker products.</summary>
internal static class ImportCommand
{
    private const string Auto = "auto", Peft = "peft", Mlx = "mlx", Full = "full", Moka = "moka", PeftLora = "peft-lora";

    public static Command Create(Session session)
    {
        Argument<string> path = new("PATH") { Description = "An adapter's folder (PEFT's LoRA or LoKr, or one of this library), mlx-lm's folder or file, or a fine-tuned model." };
        Option<string> model = Options.Model(), output = Options.RequiredText("--output", "-o", "OUT", "The folder to write.");
        Option<string> from = Options.Choice("--from", "What PATH is; auto looks. full is a model whose every weight was trained.", Auto, Auto, Peft, Mlx, Full);
        Option<string> to = Options.Choice("--to", "moka: the nearest mixture of Kronecker products. peft-lora: for mlx, the same adapter in PEFT's files.", Moka, Moka, PeftLora);
        Option<int> filters = Options.Whole("--filters", "How many filters each map gets.", 10, 1, MokaOptions.MostFilters);
        Option<ShapeLists> shapes = ShapeLists.Option(TrainMethod.Shapes, "The filters' shapes in place of balanced ones, as 16x8:16x32,32x16:8x16 for A [16, 8] with B [16, 32] and A [32, 16] with B [8, 16]");
        Option<string> targets = Options.Parsed("--targets", "q,v|all", "With full: the maps to meet.", AdapterTargets.Everything, text => AdapterTargets.Parse(text).ToString());
        Option<bool> anyBase = Options.AnyBase();
        Option<float> scale = Options.Real("--scale", "With mlx: the factor on the update, where no description tells it.", 0);
        Option<int> threads = Options.Threads();
        Option<bool> force = new("--force") { Description = "Write into the output folder when it holds something." }, json = Options.Json();
        Command command = new("import", "Make an adapter of this library, or of PEFT, from another one or from a fine-tuned model.") { path, model, output, from, to, anyBase, filters, shapes, targets, scale, threads, force, json };
        command.SetAction(parse =>
        {
            string source = parse.GetRequiredValue(path), folder = parse.GetRequiredValue(output), kind = Kind(parse.GetRequiredValue(from), source);
            bool mixture = parse.GetRequiredValue(to) == Moka;
            if (!mixture && kind != Mlx) throw new UsageException($"--to {PeftLora} belongs to mlx; moka export writes other adapters as PEFT's.");
            float? factor = Options.Given(parse, scale) ? parse.GetValue(scale) : null;
            if (factor is not null && kind != Mlx) throw new UsageException("--scale belongs to mlx; other adapters tell theirs.");
            if (factor == 0) throw new UsageException("--scale must not be 0, which leaves nothing of the adapter.");
            if (Options.Given(parse, targets) && kind != Full) throw new UsageException($"{targets.Name} belongs to full; an adapter tells the maps that it has, and all are taken.");
            if (!mixture && new Option[] { filters, shapes }.FirstOrDefault(option => Options.Given(parse, option)) is { } ofMixture) throw new UsageException($"{ofMixture.Name} is about a mixture, and --to {PeftLora} writes none; leave it out.");
            AdapterInput.CheckAnyBase(parse.GetValue(anyBase), adapter: kind == Peft);
            ShapeLists lists = parse.GetRequiredValue(shapes);
            MokaOptions options = UsageException.Check(() => (MokaOptions)lists.Build(list => new MokaOptions { Filters = lists.Filters ?? parse.GetValue(filters), Shapes = [.. list.Select(KroneckerShape.Parse)] }));
            UsageException.Check(options.Validate);
            UsageException.Check(() => OutputPlace.RequireApart(folder, source));
            using AdaptedModel loaded = AdaptedModel.Load(session.Terminal, parse.GetRequiredValue(model), adapterFolder: null, anyBase: false, folder, tokenizer: null, parse.GetValue(force), parse.GetValue(threads));
            Import import = new(session, parse, loaded, source, options, parse.GetValue(json));
            AdapterSet lora() => MlxLora.Read(source, loaded.Model, factor);
            AdapterSet made = kind switch
            {
                Mlx => mixture ? import.Fit(lora()) : lora(),
                Full => import.FitFull(AdapterTargets.Parse(parse.GetRequiredValue(targets))),
                _ => import.Fit(AdapterInput.Load(session.Terminal, source, loaded.Model, loaded.Source, parse.GetValue(anyBase)).Adapters),
            };
            AdapterFolder.Save(folder, loaded.Model, made, loaded.Origin);
            return import.Print(kind, folder, made);
        });
        return command;
    }

    private static string Kind(string asked, string path)
    {
        if (asked != Auto) return asked;
        if (File.Exists(Path.Combine(AdapterInput.FolderOf(path), AdapterFolder.ConfigFile)) && !MlxLora.IsFolder(path)) return Peft;
        return MlxLora.IsFolder(path) || (File.Exists(path) && ModelSource.IsSafetensors(path)) ? Mlx : Full;
    }

    /// <summary>One import: what it is made with, and what it measured.</summary>
    private sealed class Import(Session session, ParseResult parse, AdaptedModel loaded, string source, MokaOptions options, bool json)
    {
        private readonly List<ImportedModule> _modules = [];
        private IReadOnlyList<string> _elsewhere = [];

        public AdapterSet Fit(AdapterSet adapters)
        {
            RequireFit([.. adapters.Entries.Select(e => e.Projection)]);
            return Counting(adapters.Entries.Count(), report => AdapterImport.ToMoka(loaded.Cpu, adapters, options, report, session.Cancel));
        }

        public AdapterSet FitFull(AdapterTargets targets)
        {
            UsageException.Check(() => targets.RequireKnown(loaded.Model.Projections));
            Projection[] maps = [.. loaded.Model.Projections.Where(p => targets.Contains(p.Kind))];
            RequireFit(maps);
            LlamaModel tuned = ModelSource.Open(source).LoadModel();
            AdapterSet made = Counting(maps.Length, report => AdapterImport.FromFull(loaded.Cpu, loaded.Model, tuned, targets, options, report, session.Cancel));
            _elsewhere = AdapterImport.ChangedElsewhere(loaded.Model, tuned);
            return made;
        }

        // Shapes that do not fit the maps are the command line's fault, not a file's.
        private void RequireFit(IReadOnlyList<Projection> maps) => UsageException.Check(() =>
        {
            options.RequireKinds(maps.Select(p => p.Kind));
            foreach (Projection map in maps) options.For(map.Kind).ParametersFor(map.Out, map.In);
        });

        public int Print(string kind, string output, AdapterSet made)
        {
            List<Fact> facts =
            [
                new("source", $"{source}, {kind}", source), new("model", loaded.Source.Path), new("output", output),
                new("maps", Count(made.Entries.Count()), made.Entries.Count()), new("parameters", Count(made.ParameterCount), made.ParameterCount),
            ];
            if (_modules.Count > 0) facts.Add(new("overall error", $"{Percent(AdapterImport.OverallError(_modules))} of the norm of all updates", AdapterImport.OverallError(_modules)));
            else facts.Add(new("overall error", "none: the numbers are the same", 0.0));
            if (_elsewhere.Count > 0) facts.Add(new("not held", $"{_elsewhere.Count} other tensors changed, such as {Diagnostics.Quoted.Plain(_elsewhere[0])}, and an adapter of linear maps leaves them as in the base", _elsewhere));
            if (json)
            {
                Fact.WriteJson(session.Terminal.Out, [.. facts, new("modules", "", _modules.Select(m => Fact.Named(m.Name, new Fact[] { new("relative error", "", m.RelativeError), new("norm", "", m.Norm), new("parameters", "", m.Parameters) })))]);
                return ExitCode.Success;
            }
            if (_modules.Count > 0) session.Results(parse).Table("adapted maps", ["map", "norm of the update", "relative error", "parameters"], [.. _modules.Select(m => new[] { m.Name, Number(m.Norm), Percent(m.RelativeError), Count(m.Parameters) })]);
            session.Results(parse).Panel("moka import", facts);
            return ExitCode.Success;
        }

        private AdapterSet Counting(int total, Func<Action<ImportedModule>, AdapterSet> work) => session.Progress(parse, onOutput: !json).Counting($"fitting {source}", total, done => work(module =>
        {
            _modules.Add(module);
            done(_modules.Count);
        }));
    }
}
