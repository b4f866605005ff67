using System.CommandLine;
using System.Diagnostics;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Cli.Commands;

/// <summary><c>moka generate</c>: continues a prompt; the continuation alone goes to standard output.</summary>
internal static class GenerateCommand
{
    private static readonly GenerationOptions Defaults = new();

    public static Command Create(Session session)
    {
        Option<string> model = Options.Model();
        Option<string?> adapter = Options.Adapter();
        Option<string?> tokenizer = Options.Tokenizer();
        Option<string> prompt = Options.RequiredText("--prompt", "-p", "TEXT", "The text to continue, or - to read it from standard input.");
        Option<bool> instruction = new("--instruction") { Description = "The prompt is an instruction: wrap it in the template." };
        Option<string> input = Options.Parsed("--input", "TEXT", "What the instruction is about.", "", text => text);
        Option<string> template = Options.Template("short");
        Option<float> temperature = Options.Real("--temperature", "0 takes the likeliest token, 1 samples as the model says.", Defaults.Temperature);
        Option<int> topK = Options.Whole("--top-k", "Draw among the k likeliest tokens; 0 for all.", Defaults.TopK, 0);
        Option<float> topP = Options.Real("--top-p", "Draw among the likeliest tokens that reach this probability.", Defaults.TopP);
        Option<int> maxTokens = Options.Whole("--max-tokens", "The most tokens to add.", Defaults.MaxTokens, 0);
        Option<ulong> seed = Options.Seed(1);
        Option<string> activations = Options.Activations();
        Option<int> threads = Options.Threads();
        Command command = new("generate", "Continue a text, with or without an adapter.") { model, adapter, tokenizer, prompt, instruction, input, template, temperature, topK, topP, maxTokens, seed, activations, threads };
        command.SetAction(parse =>
        {
            GenerationOptions options = new()
            {
                Temperature = parse.GetValue(temperature),
                TopK = parse.GetValue(topK),
                TopP = parse.GetValue(topP),
                MaxTokens = parse.GetValue(maxTokens),
                Seed = parse.GetValue(seed),
            };
            UsageException.Check(options.Validate);
            bool wrap = parse.GetValue(instruction);
            if (!wrap && parse.GetRequiredValue(input).Length > 0) throw new UsageException("--input belongs to an instruction; add --instruction.");
            using Inputs inputs = Inputs.Load(parse.GetRequiredValue(model), parse.GetValue(tokenizer), parse.GetValue(adapter), parse.GetValue(threads), parse.GetRequiredValue(activations));
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
        TokenStream stream = new(inputs.Tokenizer, continues: true);
        int[] tokens = inputs.Tokenizer.Encode(prompt, addBos: true);
        long start = Stopwatch.GetTimestamp();
        int count = 0;
        double prefill = 0;
        foreach (int id in UsageException.Check(() => generator.Tokens(tokens, options)))
        {
            if (count++ == 0) prefill = Stopwatch.GetElapsedTime(start).TotalSeconds;
            terminal.Out.Write(stream.Append(id));
            terminal.Out.Flush();
            if (session.Cancel.IsCancellationRequested) break;
        }
        terminal.Out.WriteLine(stream.Flush());
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (!quiet) terminal.Error.WriteLine(FormattableString.Invariant($"{tokens.Length} prompt tokens in {prefill:0.00} s, {count} new tokens in {seconds - prefill:0.00} s, {Math.Max(0, count - 1) / Math.Max(seconds - prefill, 1e-9):0} tokens/s, {inputs.Model.Activations.ToString().ToLowerInvariant()} activations"));
        return session.Cancel.IsCancellationRequested ? ExitCode.Cancelled : ExitCode.Success;
    }
}
