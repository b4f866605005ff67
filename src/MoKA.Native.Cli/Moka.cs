using System.CommandLine;
using System.CommandLine.Help;
using MoKA.Native.Cli.Commands;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Cli;

/// <summary>The tool: its commands, and how everything that can go wrong becomes one line and an exit code.</summary>
internal static class Moka
{
    /// <summary>The environment variable that asks for the place of an unexpected error, as --verbose does.</summary>
    private const string DebugVariable = "MOKA_DEBUG";

    // A prompt may begin with @, and -abc is never -a -b -c here.
    private static readonly ParserConfiguration Parser = new() { ResponseFileTokenReplacer = null, EnablePosixBundling = false };

    public static int Run(IReadOnlyList<string> args, Terminal terminal, CancellationToken cancel, Interrupt? interrupt = null)
    {
        Session session = new(terminal, cancel, interrupt);
        ParseResult parse = Root(session).Parse(args, Parser);
        if (parse.Errors.Count > 0) return Fail(terminal, ExitCode.Usage, ParseErrors.Line(parse));
        try
        {
            return parse.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = terminal.Out, Error = terminal.Error });
        }
        catch (Exception error)
        {
            if (parse.GetValue(session.Verbose) || Environment.GetEnvironmentVariable(DebugVariable) is { Length: > 0 }) terminal.Error.WriteLine(error);
            return error switch
            {
                UsageException => Fail(terminal, ExitCode.Usage, error.Message),
                MokaException => Fail(terminal, ExitCode.Input, error.Message),
                NonFiniteException => Fail(terminal, ExitCode.NonFinite, error.Message),
                OperationCanceledException => Fail(terminal, ExitCode.Cancelled, "stopped; nothing is written"),
                IOException or UnauthorizedAccessException => Fail(terminal, ExitCode.Input, error.Message),
                _ => Fail(terminal, ExitCode.Unexpected, $"{error.Message} (unexpected: {error.GetType().Name}; --verbose says where)"),
            };
        }
    }

    private static int Fail(Terminal terminal, int code, string message)
    {
        terminal.Error.WriteLine($"moka: {message.ReplaceLineEndings(" ")}");
        return code;
    }

    private static RootCommand Root(Session session)
    {
        RootCommand root = new("moka fine-tunes int4 LLaMA models on the CPU with Mixtures of Kronecker Adapters. Without a command it trains the bundled model on the bundled stories.")
        {
            session.NoColor, session.Quiet, session.Verbose,
            TrainCommand.Create(session), GenerateCommand.Create(session), ChatCommand.Create(session), EvalCommand.Create(session), PretrainCommand.Create(session), QuantizeCommand.Create(session), SynthCommand.Create(session), InspectCommand.Create(session),
            ShapesCommand.Create(session), PlotCommand.Create(session), MergeCommand.Create(session), ExportCommand.Create(session), ImportCommand.Create(session),
        };
        root.SetAction(parse => TrainCommand.Run(session, parse, json: false, Recipe.Stories(session.Terminal)));
        foreach (HelpOption help in root.Options.OfType<HelpOption>()) help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }
}
