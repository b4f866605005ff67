using System.CommandLine;
using MoKA.Native.Cli.Screens;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka train</c>: fine-tunes an adapter on instruction records.</summary>
internal static class TrainCommand
{
    private static readonly TrainSettings Defaults = new() { Model = "", Data = "", Output = "" };

    public static Command Create(Session session)
    {
        Option<string> model = Options.Model();
        Option<string> data = Options.RequiredText("--data", "-d", "DATA", "Alpaca records to train on, .json or .jsonl.");
        Option<string?> output = Options.Text("--output", "-o", "RUN", "The run's folder, new or empty; runs/NAME-OF-DATA unless given.");
        Option<string?> test = new("--test") { Description = "Records to measure before and after, never trained on.", HelpName = "DATA" };
        Option<string?> start = new("--start") { Description = "Go on from this adapter, such as one from moka import, in place of a new one; the folder stays as it is. The adapter decides its method, targets and shapes; the optimiser begins anew.", HelpName = "ADAPTER" };
        Option<bool> anyBase = Options.AnyBase();
        Option<string?> tokenizer = Options.Tokenizer();
        Option<string> method = Options.Choice("--method", "How to fine-tune.", Defaults.Method, [.. TrainMethod.All.Select(m => m.Name)]);
        Option<int> steps = Options.Whole("--steps", "Steps of the optimiser.", Defaults.Steps, 1);
        Option<int> maxLength = Options.Whole("--max-length", $"The most tokens of an example; 0 for the model's positions, at most {TrainSettings.UsualLength}.", Defaults.MaxLength, 0);
        Option<int> batch = Options.Whole("--batch", "Examples a step.", Defaults.BatchSize, 1, 65536);
        Option<float> rate = Options.Real("--lr", "The highest learning rate.", Defaults.LearningRate);
        Option<string> schedule = Options.Choice("--schedule", "How the learning rate goes after the warm-up.", Defaults.Schedule, "constant", "linear", "cosine");
        Option<float> warmUp = Options.Real("--warmup", "The share of the steps in which the learning rate rises.", Defaults.WarmUp);
        Option<float> clip = Options.Real("--clip", "The largest norm of the gradient; 0 never clips.", Defaults.Clip);
        Option<float> decay = Options.Real("--weight-decay", "Decoupled decay of the filters.", Defaults.WeightDecay);
        Option<int> filters = Options.Whole(TrainMethod.Filters, "Kronecker filters of a map (moka).", Defaults.Filters, 1, 1024);
        Option<ShapeLists> shapes = ShapeLists.Option(TrainMethod.Shapes, "The filters' shapes, rows x columns of A : of B, as 16x8:16x32,32x16:8x16 (moka, krona), or with an identity, as I8:16x32,16x32:I8 (moka-s); balanced ones unless given");
        Option<int> rank = Options.Whole(TrainMethod.Rank, "The rank of a low-rank pair (lora, rslora, dora) or of a factor that is one (lokr).", Defaults.Rank, 1);
        Option<float> alpha = Options.Real(TrainMethod.Alpha, "The update's scale is alpha / rank (rslora: / its root); 0 for the rank.", 0);
        Option<float> rateRatio = Options.Real(TrainMethod.RateRatio, "How many times faster B learns than A, as in LoRA+ (lora, rslora, dora).", Defaults.RateRatio);
        Option<int> factor = Options.Whole(TrainMethod.Factor, "The length of the outer factor's sides where it divides the map's; -1 for nearly square factors (lokr).", Defaults.DecomposeFactor, -1);
        Option<bool> both = new(TrainMethod.Both) { Description = "Let the outer factor be a low-rank pair too (lokr)." };
        Option<string> targets = Options.Parsed("--targets", "LIST", "Adapted maps: all, or some of q,k,v,o,gate,up,down.", Defaults.Targets, text => text);
        Option<float> scale = Options.Real(TrainMethod.Scale, "A constant factor on the change (moka, moka-s, krona).", Defaults.Scale);
        Option<float> dropout = Options.Real("--dropout", "Share of the adapter's input that is dropped in training.", Defaults.Dropout);
        Option<float> temperature = Options.Real(TrainMethod.Temperature, "Of the gate's softmax (moka, moka-s).", Defaults.Temperature);
        Option<string> gate = Options.Choice(TrainMethod.Gate, "Whether the filters' weights are learned (moka, moka-s).", "on", "on", "off");
        Option<bool> recompute = new("--recompute") { Description = "Keep each block's output alone and compute the block again on the way back: less memory, a third to two fifths more time, the same bits." };
        Option<string> template = Options.Template(Defaults.Template);
        Option<ulong> seed = Options.Seed(Defaults.Seed);
        Option<int> threads = Options.Threads();
        Option<int> evalExamples = Options.Whole("--eval-examples", "How many test records are measured; 0 for all.", Defaults.EvalExamples, 0);
        Option<int> evalEvery = Options.Whole("--eval-every", "Steps between held-out losses; 0 for a fifth of the run.", Defaults.EvalEvery, 0);
        Option<bool> json = Options.Json();
        Command command = new("train", "Fine-tune a model on your records: with a Mixture of Kronecker Adapters, or a relative or rival of it.")
        {
            model, data, output, test, start, anyBase, tokenizer, method, steps, maxLength, batch, rate, schedule, warmUp, clip, decay, filters, shapes, rank, alpha, rateRatio, factor, both, targets, scale,
            dropout, temperature, gate, recompute, template, seed, threads, evalExamples, evalEvery, json,
        };
        Option[] ofSome = [filters, shapes, rank, alpha, rateRatio, factor, both, scale, temperature, gate];
        command.SetAction(parse => Run(session, parse, parse.GetValue(json), RefuseOthers(parse, ofSome, [method, targets, dropout, .. ofSome], new TrainSettings
        {
            Model = parse.GetRequiredValue(model),
            Data = parse.GetRequiredValue(data),
            Test = parse.GetValue(test),
            Tokenizer = parse.GetValue(tokenizer),
            Start = parse.GetValue(start),
            AnyBase = parse.GetValue(anyBase),
            Output = parse.GetValue(output) ?? DefaultOutput(session.Terminal, parse.GetRequiredValue(data)),
            Steps = parse.GetValue(steps),
            MaxLength = parse.GetValue(maxLength),
            BatchSize = parse.GetValue(batch),
            LearningRate = parse.GetValue(rate),
            Schedule = parse.GetRequiredValue(schedule),
            WarmUp = parse.GetValue(warmUp),
            Clip = parse.GetValue(clip),
            WeightDecay = parse.GetValue(decay),
            Method = parse.GetRequiredValue(method),
            Rank = parse.GetValue(rank),
            Alpha = parse.GetValue(alpha) is var asked && asked == 0 ? null : asked,
            RateRatio = parse.GetValue(rateRatio),
            DecomposeFactor = parse.GetValue(factor),
            DecomposeBoth = parse.GetValue(both),
            Filters = parse.GetValue(filters),
            Shapes = parse.GetRequiredValue(shapes),
            Targets = parse.GetRequiredValue(targets),
            Scale = parse.GetValue(scale),
            Dropout = parse.GetValue(dropout),
            Temperature = parse.GetValue(temperature),
            Gated = parse.GetRequiredValue(gate) == "on",
            Recompute = parse.GetValue(recompute),
            Template = parse.GetRequiredValue(template),
            Seed = parse.GetValue(seed),
            Threads = parse.GetValue(threads),
            EvalExamples = parse.GetValue(evalExamples),
            EvalEvery = parse.GetValue(evalEvery),
        })));
        return command;
    }

    /// <summary>Trains with the given settings and shows it; the same for the user's data and for the bundled recipe.</summary>
    public static int Run(Session session, ParseResult parse, bool json, TrainSettings settings)
    {
        using TrainSetup setup = new(session.Terminal, settings);
        Screen progress = session.Progress(parse, onOutput: !json);
        progress.Panel("moka train", TrainPanel.Facts(setup));
        TrainOutcome outcome = new TrainRun(setup, progress, session.Cancel).Run();
        string run = session.Terminal.Shown(settings.Output);
        if (json) Fact.WriteJson(session.Terminal.Out, [new("run", run), new("adapter", $"{run}/{Llama.Training.RunFolder.AdapterName}"), .. outcome.Facts(setup)]);
        else if (outcome.StepsDone == settings.Steps) TrainResults.Show(session.Results(parse), setup, outcome, run, session.Terminal);
        if (!session.Cancel.IsCancellationRequested) return ExitCode.Success;
        session.Terminal.Error.WriteLine($"moka: stopped after step {outcome.StepsDone} of {settings.Steps}; the adapter so far is in {run}/adapter");
        return ExitCode.Cancelled;
    }

    // An option that would change nothing is a mistake worth a word.
    private static TrainSettings RefuseOthers(ParseResult parse, IEnumerable<Option> ofSome, IEnumerable<Option> ofAdapter, TrainSettings settings)
    {
        if (settings.Start is not null && ofAdapter.FirstOrDefault(option => Options.Given(parse, option)) is { } decided)
            throw new UsageException($"{decided.Name}: the adapter that --start names decides this; leave it out, or train a new adapter without --start.");
        AdapterInput.CheckAnyBase(settings.AnyBase, settings.Start is not null);
        TrainMethod method = TrainMethod.ByName(settings.Method);
        foreach (Option option in ofSome)
            if (Options.Given(parse, option) && !method.Takes.Contains(option.Name))
                throw new UsageException($"{option.Name} means nothing to --method {method.Name}, which takes {string.Join(", ", method.Takes)}; leave it out.");
        return settings;
    }

    private static string DefaultOutput(Terminal terminal, string data) =>
        Llama.Training.RunFolder.FirstFree(Path.Combine(terminal.Folder, "runs", Path.GetFileNameWithoutExtension(data)));
}
