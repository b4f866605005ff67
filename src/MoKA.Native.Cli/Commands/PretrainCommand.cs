using System.CommandLine;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Evaluation;
using MoKA.Native.Llama.Training;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka pretrain</c>: makes a small base from text.</summary>
internal static class PretrainCommand
{
    private const int StepsBetweenSaves = 500;

    public static Command Create(Session session)
    {
        Argument<string> path = new("CONFIG") { Description = "A pre-training config in JSON." };
        Option<bool> force = new("--force") { Description = "Write over the output folder when it holds something." };
        Option<int> threads = Options.Threads();
        Command command = new("pretrain", "Make a small base model from text: tokenizer, weights, int4.") { path, force, threads };
        command.SetAction(parse => Run(session, parse, PretrainConfig.Read(parse.GetRequiredValue(path)), parse.GetValue(force), parse.GetValue(threads)));
        return command;
    }

    private static int Run(Session session, ParseResult parse, PretrainConfig config, bool force, int threads)
    {
        if (!force && OutputFolder.IsTaken(config.Output)) throw new UsageException($"{config.Output}: the output holds something already; name another in the config, or add --force to write over it.");
        Screen screen = session.Progress(parse, onOutput: true);
        using Cpu cpu = UsageException.Check(() => new Cpu(threads));
        using Pretraining pretraining = screen.Counting("reading text and training the tokenizer", config.Text.Count, _ => new Pretraining(config, cpu));
        screen.Panel("moka pretrain", Panel(config, pretraining, cpu));
        StepReport last = default;
        screen.Training(show => pretraining.Run(step =>
        {
            last = step;
            if (step.Step % StepsBetweenSaves == 0) pretraining.Save();
            show(new TrainingRow(step, Environment.WorkingSet, HeldOutLoss: null));
        }, session.Cancel));
        if (last.Step == 0) throw new OperationCanceledException();
        pretraining.Save();
        if (session.Cancel.IsCancellationRequested)
        {
            session.Terminal.Error.WriteLine($"moka: stopped after step {last.Step} of {config.Steps}; the model so far is in {config.Output}");
            return ExitCode.Cancelled;
        }
        Screen results = session.Results(parse);
        results.Line($"{last.Step} steps in {Time(last.Elapsed)}, last loss {Loss(last.Loss)}");
        if (pretraining.HeldOutLoss(session.Cancel) is TextLoss loss) results.Line($"held out: {Loss(loss.NatsPerByte)} nats a byte, perplexity {Number(loss.Perplexity)} a token, {Count(loss.Tokens)} tokens");
        results.Line($"the model is in {config.Output}; try it: {session.Terminal.Command} generate -m {session.Terminal.Shown(config.Output)} -p \"Once upon a time\" --temperature 0.8");
        return ExitCode.Success;
    }

    private static IReadOnlyList<Fact> Panel(PretrainConfig config, Pretraining pretraining, Cpu cpu)
    {
        LlamaConfig model = pretraining.Model.Config;
        return
        [
            new("model", TrainPanel.Model(model)),
            new("parameters", Count(model.ParameterCount)),
            new("text", $"{Count(pretraining.Data.Tokens.Length)} tokens in {config.Text.Count} files"),
            new("training", $"{config.Steps} steps of {config.BatchSize} windows of {config.Window} tokens, learning rate {Rate(config.LearningRate)}, seed {config.Seed}"),
            new("output", $"{config.Output}, {(config.Int4 ? "linear maps in Q4_0" : "linear maps in half precision")}"),
            new("machine", $"{cpu.Threads} threads, {cpu.InstructionSet}"),
        ];
    }
}
