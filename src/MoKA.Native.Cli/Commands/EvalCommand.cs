using System.CommandLine;
using MoKA.Native.Cli.Screens;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Evaluation;
using static MoKA.Native.Cli.Screens.Format;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka eval</c>: measures a model on data it was not trained on.</summary>
internal static class EvalCommand
{
    public static Command Create(Session session) => new("eval", "Measure a model, with or without an adapter.")
    {
        Task(session, "answers", "The share of records whose answer the model gives letter by letter.", Answers),
        Task(session, "loss", "The loss on records (.json, .jsonl), or on running text (any other file).", Loss),
        PerplexityCommand.Create(session),
    };

    /// <summary>What the tasks of this file take.</summary>
    private sealed record Request(Inputs Inputs, string Data, string Template, int Limit, int MaxLength, Screen Progress, CancellationToken Cancel)
    {
        public HeldOut Records() => new(Data, Inputs.Tokenizer, AlpacaTemplate.ByName(Template), MaxLength, Limit);
    }

    private static Command Task(Session session, string name, string description, Func<Request, IReadOnlyList<Fact>> measure)
    {
        Option<string> model = Options.Model();
        Option<IReadOnlyList<string>> adapter = Options.Adapter();
        Option<bool> anyBase = Options.AnyBase();
        Option<string?> tokenizer = Options.Tokenizer();
        Option<string> data = Options.RequiredText("--data", "-d", "DATA", "What to measure on.");
        Option<string> template = Options.Template("short");
        Option<int> limit = Options.Whole("--limit", "Only the first records or documents; 0 for all.", 0, 0);
        Option<int> maxLength = Options.Whole("--max-length", $"The most tokens at once; 0 for the model's positions, at most {TrainSettings.UsualLength}.", 0, 0);
        Option<string> activations = Options.Activations();
        Option<int> threads = Options.Threads();
        Option<bool> json = Options.Json();
        Command command = new(name, description) { model, adapter, anyBase, tokenizer, data, template, limit, maxLength, activations, threads, json };
        command.SetAction(parse =>
        {
            using Inputs inputs = Inputs.Load(session.Terminal, parse.GetRequiredValue(model), parse.GetValue(tokenizer), parse.GetRequiredValue(adapter), parse.GetValue(anyBase), parse.GetValue(threads), parse.GetRequiredValue(activations));
            Screen progress = session.Progress(parse, onOutput: false);
            IReadOnlyList<Fact> result = measure(new Request(inputs, parse.GetRequiredValue(data), parse.GetRequiredValue(template), parse.GetValue(limit), inputs.Length(parse.GetValue(maxLength)), progress, session.Cancel));
            IReadOnlyList<Fact> facts = [new("task", name), new("model", parse.GetRequiredValue(model)), new("adapter", parse.GetRequiredValue(adapter) is { Count: > 0 } given ? string.Join(", ", given) : "none"), new("data", parse.GetRequiredValue(data)), new("activations", parse.GetRequiredValue(activations)), .. result];
            if (parse.GetValue(json)) Fact.WriteJson(session.Terminal.Out, facts);
            else session.Results(parse).Panel($"moka eval {name}", facts);
            return ExitCode.Success;
        });
        return command;
    }

    private static IReadOnlyList<Fact> Answers(Request request)
    {
        HeldOut records = request.Records();
        AnswersResult result = request.Progress.Counting("asking", records.Records.Count, report => records.Answers(request.Inputs.Model, request.Inputs.Cpu, report, request.Cancel));
        return
        [
            new("correct", $"{result.Correct}", result.Correct),
            new("asked", $"{result.Answers.Count}", result.Answers.Count),
            new("accuracy", Percent(result.Accuracy), result.Accuracy),
            new("left out", $"{records.Dropped}", records.Dropped),
        ];
    }

    private static IReadOnlyList<Fact> Loss(Request request)
    {
        bool isRecords = Path.GetExtension(request.Data).ToLowerInvariant() is ".json" or ".jsonl";
        return isRecords ? RecordLoss(request) : TextLoss(request);
    }

    private static IReadOnlyList<Fact> RecordLoss(Request request)
    {
        HeldOut records = request.Records();
        LossResult loss = request.Progress.Counting("reading", records.Records.Count, _ => records.Loss(request.Inputs.Model, request.Inputs.Cpu, request.Cancel));
        return
        [
            new("loss", $"{Format.Loss(loss.NatsPerToken)} nats a token", loss.NatsPerToken),
            new("perplexity", Number(Math.Exp(loss.NatsPerToken)), Math.Exp(loss.NatsPerToken)),
            new("targets", Count(loss.Targets), loss.Targets),
            new("records", Count(records.Records.Count), records.Records.Count),
            new("left out", $"{records.Dropped}", records.Dropped),
        ];
    }

    private static IReadOnlyList<Fact> TextLoss(Request request)
    {
        IReadOnlyList<string> all = TextFile.ReadDocuments(request.Data);
        IReadOnlyList<string> documents = [.. all.Take(request.Limit == 0 ? all.Count : request.Limit)];
        TextLoss loss = request.Progress.Counting("reading", documents.Count, _ => TextEvaluator.Evaluate(request.Inputs.Model, request.Inputs.Tokenizer, documents, request.MaxLength, request.Inputs.Cpu, request.Cancel));
        return
        [
            new("nats per byte", Format.Loss(loss.NatsPerByte), loss.NatsPerByte),
            new("bits per byte", Format.Loss(loss.NatsPerByte / Math.Log(2)), loss.NatsPerByte / Math.Log(2)),
            new("perplexity", Number(loss.Perplexity), loss.Perplexity),
            new("tokens", Count(loss.Tokens), loss.Tokens),
            new("bytes", Count(loss.Bytes), loss.Bytes),
            new("documents", Count(documents.Count), documents.Count),
        ];
    }
}
