using System.CommandLine;
using System.Diagnostics;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Evaluation;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka eval perplexity</c>: how well a model predicts a text, by a named protocol.</summary>
internal static class PerplexityCommand
{
    private const string LlamaCpp = "llama.cpp", Full = "full";
    private const int UsualContext = 512;

    public static Command Create(Session session)
    {
        Option<string> model = Options.Model();
        Option<IReadOnlyList<string>> adapter = Options.Adapter();
        Option<bool> anyBase = Options.AnyBase();
        Option<string?> tokenizer = Options.Tokenizer();
        Option<string> text = new("--text", "-d") { Description = "A text file, read as one text.", HelpName = "FILE", Required = true };
        Option<string> protocol = Options.Choice("--protocol", "llama.cpp: disjoint windows behind BOS, the second half of each is scored. full: disjoint pieces behind BOS, every token is scored.", LlamaCpp, LlamaCpp, Full);
        Option<int> context = Options.Whole("--context", $"The tokens of a window; 0 for the model's positions, at most {UsualContext}.", 0, 0);
        Option<string> activations = Options.Activations();
        Option<int> threads = Options.Threads();
        Option<bool> json = Options.Json();
        Command command = new("perplexity", "How well the model predicts a text.") { model, adapter, anyBase, tokenizer, text, protocol, context, activations, threads, json };
        command.SetAction(parse =>
        {
            string path = parse.GetRequiredValue(text), named = parse.GetRequiredValue(protocol);
            using Inputs inputs = Inputs.Load(session.Terminal, parse.GetRequiredValue(model), parse.GetValue(tokenizer), parse.GetRequiredValue(adapter), parse.GetValue(anyBase), parse.GetValue(threads), parse.GetRequiredValue(activations));
            int asked = parse.GetValue(context), tokens = asked > 0 ? asked : Math.Min(inputs.Model.Config.MaxPositions, UsualContext);
            UsageException.Check(() => Perplexity.CheckContext(inputs.Model.Config, tokens));
            string content = TextFile.Read(path);
            long start = Stopwatch.GetTimestamp();
            PerplexityResult result = session.Progress(parse, onOutput: false).Counting("reading, characters", content.Length, report => Perplexity.Evaluate(
                inputs.Model, inputs.Tokenizer, content, named == Full ? PerplexityProtocol.Full : PerplexityProtocol.LlamaCpp, tokens, inputs.Cpu, step => report((int)((long)content.Length * step.Done / step.Windows)), session.Cancel));
            IReadOnlyList<Fact> facts =
            [
                new("task", "perplexity"), new("model", parse.GetRequiredValue(model)), new("adapter", parse.GetRequiredValue(adapter) is { Count: > 0 } given ? string.Join(", ", given) : "none"), new("text", path), new("activations", parse.GetRequiredValue(activations)),
                new("protocol", named), new("context", Count(tokens), tokens), .. Facts(result, Stopwatch.GetElapsedTime(start).TotalSeconds),
            ];
            if (parse.GetValue(json)) Fact.WriteJson(session.Terminal.Out, facts);
            else session.Results(parse).Panel("moka eval perplexity", facts);
            return ExitCode.Success;
        });
        return command;
    }

    private static IEnumerable<Fact> Facts(PerplexityResult result, double seconds) =>
    [
        new("perplexity", Invariant($"{result.Value:0.0000} +- {result.Error:0.0000}"), result.Value),
        new("standard error", Number(result.Error), result.Error),
        new("nats per token", Number(result.NatsPerToken), result.NatsPerToken),
        new("windows", Count(result.Windows), result.Windows),
        new("tokens scored", Count(result.Scored), result.Scored),
        new("tokens read", Count(result.Read), result.Read),
        new("tokens per second", Count(result.Read / Math.Max(seconds, 1e-9)), result.Read / Math.Max(seconds, 1e-9)),
    ];
}
