using System.CommandLine;
using System.Diagnostics;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Generation;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka generate</c>: continues a prompt; the continuation alone goes to standard output.</summary>
internal static class GenerateCommand
{
    public static Command Create(Session session)
    {
        Option<string> model = Options.Model();
        Option<IReadOnlyList<string>> adapter = Options.Adapter();
        Option<bool> anyBase = Options.AnyBase();
        Option<string?> tokenizer = Options.Tokenizer();
        Option<string> prompt = Options.RequiredText("--prompt", "-p", "TEXT", "The text to continue, or - to read it from standard input.");
        Option<bool> instruction = new("--instruction") { Description = "The prompt is an instruction: wrap it in the template." };
        Option<string> input = Options.Parsed("--input", "TEXT", "What the instruction is about.", "", text => text);
        Option<string> template = Options.Template("short");
        SamplingOptions sampling = new("The most tokens to add.");
        Option<string> activations = Options.Activations();
        Option<int> threads = Options.Threads();
        Command command = new("generate", "Continue a text, with or without an adapter.") { model, adapter, anyBase, tokenizer, prompt, instruction, input, template };
        foreach (Option option in (IEnumerable<Option>)[.. sampling.All, activations, threads]) command.Options.Add(option);
        command.SetAction(parse =>
        {
            GenerationOptions options = sampling.Read(parse);
            bool wrap = parse.GetValue(instruction);
            if (!wrap && new Option[] { input, template }.FirstOrDefault(option => Options.Given(parse, option)) is { } lone) throw new UsageException($"{lone.Name} belongs to an instruction; add {instruction.Name}.");
            using Inputs inputs = Inputs.Load(session.Terminal, parse.GetRequiredValue(model), parse.GetValue(tokenizer), parse.GetRequiredValue(adapter), parse.GetValue(anyBase), parse.GetValue(threads), parse.GetRequiredValue(activations));
            string text = parse.GetRequiredValue(prompt) is "-" ? session.Terminal.In.ReadToEnd() : parse.GetRequiredValue(prompt);
            if (wrap) text = AlpacaTemplate.ByName(parse.GetRequiredValue(template)).Prompt(new AlpacaRecord(text, parse.GetRequiredValue(input), ""));
            return Stream(session, inputs, text, options, parse.GetValue(session.Quiet));
        });
        return command;
    }

    private static int Stream(Session session, Inputs inputs, string prompt, GenerationOptions options, bool quiet)
    {
        Terminal terminal = session.Terminal;
        using Generator generator = new(inputs.Model, inputs.Cpu);
        GenerationResult result = new();
        long start = Stopwatch.GetTimestamp();
        double? prefill = null;
        IEnumerable<string> pieces = UsageException.Check(() => generator.Text(inputs.Tokenizer, prompt, options, result, session.Cancel));
        foreach (string piece in pieces)
        {
            prefill ??= Stopwatch.GetElapsedTime(start).TotalSeconds;
            terminal.Out.Write(piece);
            terminal.Out.Flush();
        }
        terminal.Out.WriteLine();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds, first = prefill ?? seconds;
        if (!quiet) terminal.Error.WriteLine(FormattableString.Invariant($"{result.PromptTokens} prompt tokens in {first:0.00} s, {result.NewTokens} new tokens in {seconds - first:0.00} s, {Math.Max(0, result.NewTokens - 1) / Math.Max(seconds - first, 1e-9):0} tokens/s, {SamplingOptions.Reason(result.End)}, {inputs.Model.Activations.ToString().ToLowerInvariant()} activations"));
        return session.Cancel.IsCancellationRequested ? ExitCode.Cancelled : ExitCode.Success;
    }
}
