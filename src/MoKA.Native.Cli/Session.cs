using System.CommandLine;
using MoKA.Native.Cli.Screens;
using Spectre.Console;

namespace MoKA.Native.Cli;

/// <summary>What every command has at hand: the terminal, the way to be stopped, and the options that all commands share.</summary>
internal sealed class Session(Terminal terminal, CancellationToken cancel, Interrupt? interrupt = null)
{
    public Terminal Terminal { get; } = terminal;

    public CancellationToken Cancel { get; } = cancel;

    public Option<bool> NoColor { get; } = new("--no-color") { Description = "Plain lines instead of colours and live display, as when NO_COLOR is set.", Recursive = true };

    public Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "Only results: no panel and no progress.", Recursive = true };

    public Option<bool> Verbose { get; } = new("--verbose") { Description = "After an unexpected error, print where it arose.", Recursive = true };

    /// <summary>Runs work that Ctrl-C stops by itself.</summary>
    public void Answer(Action<CancellationToken> work)
    {
        if (interrupt is null) work(Cancel);
        else interrupt.Answer(work);
    }

    /// <summary>Waits for the user, who may end the process meanwhile.</summary>
    public T Wait<T>(Func<T> read) => interrupt is null ? read() : interrupt.Wait(read);

    /// <summary>Where results go: standard output.</summary>
    public Screen Results(ParseResult parse) => Open(parse, Terminal.Out, Terminal.RichOut);

    /// <summary>Where panels and progress go: standard error, or standard output when nothing else is to be read there.</summary>
    public Screen Progress(ParseResult parse, bool onOutput)
    {
        if (parse.GetValue(Quiet)) return new PlainScreen(TextWriter.Null);
        return onOutput ? Results(parse) : Open(parse, Terminal.Error, Terminal.RichError);
    }

    private Screen Open(ParseResult parse, TextWriter output, bool rich) => rich && !parse.GetValue(NoColor)
        ? new RichScreen(AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) }))
        : new PlainScreen(output);
}
