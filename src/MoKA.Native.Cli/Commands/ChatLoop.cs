using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Chat;
using MoKA.Native.Llama.Generation;

namespace MoKA.Native.Cli.Commands;

/// <summary>The turns of <c>moka chat</c>: reads lines until there are no more, and answers each.</summary>
internal sealed class ChatLoop(Session session, ChatSession chat, GenerationOptions options, bool quiet, string help)
{
    private readonly Terminal _terminal = session.Terminal;

    public int Run()
    {
        if (_terminal.Interactive) Tell(help);
        while (!session.Cancel.IsCancellationRequested && session.Wait(Read) is { } line && line is not "/quit")
        {
            if (line.StartsWith('/')) Obey(line);
            else if (line.Trim().Length > 0) Answer(line);
        }
        return session.Cancel.IsCancellationRequested ? ExitCode.Cancelled : ExitCode.Success;
    }

    private string? Read()
    {
        if (_terminal.Interactive && !quiet) _terminal.Error.Write("> ");
        return _terminal.In.ReadLine();
    }

    private void Obey(string line)
    {
        (string command, string text) = line.IndexOf(' ') is int at and > 0 ? (line[..at], line[at..].Trim()) : (line, "");
        switch (command)
        {
            case "/reset":
                chat.Reset();
                Tell("the conversation is forgotten");
                break;
            case "/system":
                chat.System = text.Length > 0 ? text : null;
                Tell(text.Length > 0 ? "the scene is set" : "there is no system message now");
                break;
            case "/help":
                Tell(help);
                break;
            default:
                Tell($"there is no {Quoted.Plain(command)}: {help}");
                break;
        }
    }

    private void Answer(string line)
    {
        GenerationResult result = new();
        try
        {
            session.Answer(cancel =>
            {
                foreach (string piece in chat.Say(line, options, result, Forgotten, cancel))
                {
                    _terminal.Out.Write(piece);
                    _terminal.Out.Flush();
                }
                _terminal.Out.WriteLine();
                _terminal.Out.Flush();
            });
        }
        catch (MokaException error)
        {
            // What was said is too long; the conversation goes on without it.
            _terminal.Error.WriteLine($"moka: {error.Message}");
            return;
        }
        if (result.End != EndReason.EndToken) Tell($"({SamplingOptions.Reason(result.End)})");
    }

    private void Forgotten(int turns) => Tell($"the conversation no longer fits: its {turns} oldest messages are forgotten");

    private void Tell(string text)
    {
        if (!quiet) _terminal.Error.WriteLine(text);
    }
}
