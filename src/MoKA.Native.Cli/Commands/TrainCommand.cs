using System.CommandLine;
using MoKA.Native.Cli.Screens;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka train</c>: fine-tunes a MoKA adapter on instruction records.</summary>
internal static class TrainCommand
{
    private static readonly TrainSettings Defaults = new() { Model = "", Data = "", Output = "" };

    public static Command Create(Session session)
    {
        Option<string> model = Options.Model();
        Option<string> data = Options.RequiredText("--data", "-d", "DATA", "Alpaca records to train on, .json or .jsonl.");
        Option<string?> output = Options.Text("--output", "-o", "RUN", "The run's folder, new or empty; runs/NAME-OF-DATA unless given.");
        Option<string?> test = new("--test") { Description = "Records to measure before and after, never trained on.", HelpName = "DATA" };
        Option<string?> tokenizer = Options.Tokenizer();
        Option<string> method = Options.Choice("--method", "How to fine-tune.", "moka", "moka");
        Option<int> steps = Options.Whole("--steps", "Steps of the optimiser.", Defaults.Steps, 1);
        Option<int> maxLength = Options.Whole("--max-length", $"The most tokens of an example; 0 for the model's positions, at most {TrainSettings.UsualLength}.", Defaults.MaxLength, 0);
        Option<int> batch = Options.Whole("--batch", "Examples a step.", Defaults.BatchSize, 1, 65536);
        Option<float> rate = Options.Real("--lr", "The highest learning rate.", Defaults.LearningRate);
        Option<string> schedule = Options.Choice("--schedule", "How the learning rate goes after the warm-up.", Defaults.Schedule, "constant", "linear", "cosine");
        Option<float> warmUp = Options.Real("--warmup", "The share of the steps in which the learning rate rises.", Defaults.WarmUp);
        Option<float> clip = Options.Real("--clip", "The largest norm of the gradient; 0 never clips.", Defaults.Clip);
        Option<float> decay = Options.Real("--weight-decay", "Decoupled decay of the filters.", Defaults.WeightDecay);
        Option<int> filters = Options.Whole("--filters", "Kronecker filters of a map.", Defaults.Filters, 1, 1024);
        Option<IReadOnlyList<KroneckerShape>> shapes = Options.Parsed<IReadOnlyList<KroneckerShape>>("--shapes", "LIST", "The filters' shapes, rows x columns of A : of B, as 16x8:16x32,32x16:8x16; balanced ones unless given.", [], text =>
            [.. text.Split(',').Select(KroneckerShape.Parse)]);
        Option<string> targets = Options.Parsed("--targets", "LIST", "Adapted maps: all, or some of q,k,v,o,gate,up,down.", Defaults.Targets, text => text);
        Option<float> scale = Options.Real("--scale", "A constant factor on the mixture.", Defaults.Scale);
        Option<float> dropout = Options.Real("--dropout", "Share of the adapter's input that is dropped in training.", Defaults.Dropout);
        Option<float> temperature = Options.Real("--temperature", "Of the gate's softmax.", Defaults.Temperature);
        Option<string> gate = Options.Choice("--gate", "Whether the filters' weights are learned.", "on", "on", "off");
        Option<bool> recompute = new("--recompute") { Description = "Keep each block's output alone and compute the block again on the way back: much less memory, about a quarter more time, the same bits." };
        Option<string> template = Options.Template(Defaults.Template);
        Option<ulong> seed = Options.Seed(Defaults.Seed);
        Option<int> threads = Options.Threads();
        Option<int> evalExamples = Options.Whole("--eval-examples", "How many test records are measured; 0 for all.", Defaults.EvalExamples, 0);
        Option<int> evalEvery = Options.Whole("--eval-every", "Steps between held-out losses; 0 for a fifth of the run.", Defaults.EvalEvery, 0);
        Option<bool> json = Options.Json();
        Command command = new("train", "Fine-tune a model on your records with a Mixture of Kronecker Adapters.")
        {
            model, data, output, test, tokenizer, method, steps, maxLength, batch, rate, schedule, warmUp, clip, decay, filters, shapes, targets, scale,
            dropout, temperature, gate, recompute, template, seed, threads, evalExamples, evalEvery, json,
        };
        command.SetAction(parse => Run(session, parse, parse.GetValue(json), new TrainSettings
        {
            Model = parse.GetRequiredValue(model),
            Data = parse.GetRequiredValue(data),
            Test = parse.GetValue(test),
            Tokenizer = parse.GetValue(tokenizer),
            Output = parse.GetValue(output) ?? DefaultOutput(session.Terminal, parse.GetRequiredValue(data)),
            Steps = parse.GetValue(steps),
            MaxLength = parse.GetValue(maxLength),
            BatchSize = parse.GetValue(batch),
            LearningRate = parse.GetValue(rate),
            Schedule = parse.GetRequiredValue(schedule),
            WarmUp = parse.GetValue(warmUp),
            Clip = parse.GetValue(clip),
            WeightDecay = parse.GetValue(decay),
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
        }));
        return command;
    }

    /// <summary>Trains with the given settings and shows it; the same for the user's data and for the bundled recipe.</summary>
    public static int Run(Session session, ParseResult parse, bool json, TrainSettings settings)
    {
        using TrainSetup setup = new(settings);
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

    private static string DefaultOutput(Terminal terminal, string data) =>
        Llama.Training.RunFolder.FirstFree(Path.Combine(terminal.Folder, "runs", Path.GetFileNameWithoutExtension(data)));
}
