using MoKA.Native.Cli;

namespace MoKA.Native.Tests.Cli;

public sealed class ChatCommandTests(CliWorld world) : IClassFixture<CliWorld>
{
    private string[] Chat(params string[] more) => ["chat", "-m", world.Base, "--template", "llama-2", "--threads", "1", .. more.Contains("--max-tokens") ? more : [.. more, "--max-tokens", "6"]];

    [Fact]
    public void AnswersAloneAreOnStandardOutput()
    {
        CliResult result = world.Run(Chat("--context", "128"), CancellationToken.None, input: "Who had a ball?\n\nAnd Ben?\n");
        Assert.Equal(0, result.Code);
        Assert.Equal(2, result.Out.Count(c => c == '\n'));
        Assert.All(result.ErrorLines, line => Assert.DoesNotContain(">", line));
        // The first turn is what generate gives for the same prompt, but for the space that begins the text.
        string generated = world.Run("generate", "-m", world.Base, "-p", "[INST] Who had a ball? [/INST]", "--max-tokens", "6", "--threads", "1").Out;
        Assert.Equal(generated.TrimStart(' '), result.Out[..(result.Out.IndexOf('\n') + 1)].TrimStart(' '));
    }

    [Fact]
    public void TheUserIsAskedOnATerminalOnly()
    {
        CliResult result = world.Run(Chat(), CancellationToken.None, input: "Hi\n/quit\nnever said\n", interactive: true);
        Assert.Equal(0, result.Code);
        Assert.Equal(2, result.Error.Split("> ").Length - 1);
        Assert.Contains("/reset", result.ErrorLines[0]);
        Assert.Single(result.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        CliResult quiet = world.Run(Chat("--quiet"), CancellationToken.None, input: "Hi\n/help\n/none\n", interactive: true);
        Assert.Equal((result.Out, ""), (quiet.Out, quiet.Error));
    }

    [Fact]
    public void CommandsAreObeyedAndNotSaid()
    {
        CliResult result = world.Run(Chat(), CancellationToken.None, input: "Hi\n/reset\nHi\n/system Be brief.\n/system\n/reset\n/reset now\nHi\n/what\n/help\n");
        string[] answers = result.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, answers.Length);
        Assert.Equal(answers[0], answers[1]);
        Assert.Equal(answers[0], answers[2]);
        Assert.Contains("the conversation is forgotten", result.ErrorLines);
        Assert.Contains("the scene is set", result.ErrorLines);
        Assert.Contains(result.ErrorLines, line => line.StartsWith("there is no /what", StringComparison.Ordinal));
        Assert.Equal(2, result.ErrorLines.Count(line => line.Contains("/quit ends")));
    }

    [Fact]
    public void ASystemMessageChangesThePrompt()
    {
        string Run(string input, params string[] more) => world.Run(Chat([.. more, "--temperature", "1", "--max-tokens", "12"]), CancellationToken.None, input: input).Out;
        Assert.Equal(Run("Hi\n", "--system", "Ben ran to the park."), Run("/system Ben ran to the park.\nHi\n"));
        Assert.NotEqual(Run("Hi\n"), Run("Hi\n", "--system", "Ben ran to the park."));
    }

    [Fact]
    public void TheOldestTurnsAreForgottenAndTold()
    {
        CliResult result = world.Run(Chat("--context", "110", "--max-tokens", "4"), CancellationToken.None, input: string.Concat(Enumerable.Repeat("Anna\n", 5)) + string.Concat(Enumerable.Repeat("Anna ran to the lake. ", 60)) + "\nBen\n");
        Assert.Equal(0, result.Code);
        Assert.Equal(6, result.Out.Count(c => c == '\n'));
        Assert.Contains(result.ErrorLines, line => line.Contains("oldest messages are forgotten"));
        Assert.Contains(result.ErrorLines, line => line.StartsWith("moka: ", StringComparison.Ordinal) && line.Contains("context ends at 110"));
    }

    [Fact]
    public void AnInterruptStopsTheAnswerAndTheConversationGoesOn()
    {
        using Interrupt interrupt = new();
        AskingWriter output = new(interrupt);
        string[] arguments = ["chat", "-m", world.Base, "--template", "llama-2", "--max-tokens", "40", "--threads", "1"];
        CliResult result = world.Run(arguments, interrupt.Token, output, "Hi\nAnd you?\n", interrupt: interrupt);
        Assert.Equal(0, result.Code);
        Assert.Equal([true], output.Answers);
        Assert.Contains("(stopped)", result.ErrorLines);
        Assert.Equal(2, result.Out.Count(c => c == '\n'));
        CliResult whole = world.Run(arguments, CancellationToken.None, input: "Hi\n");
        Assert.True(result.Out.IndexOf('\n') < whole.Out.IndexOf('\n'));
        Assert.StartsWith(result.Out[..result.Out.IndexOf('\n')], whole.Out);
    }

    [Fact]
    public void AnInterruptBetweenAnswersEndsTheProcess()
    {
        using Interrupt interrupt = new();
        Assert.False(interrupt.Wait(interrupt.Ask));
        Assert.False(interrupt.Token.IsCancellationRequested);
        // Twice in one answer: the second is for the work itself, the third ends the process.
        interrupt.Answer(cancel =>
        {
            Assert.True(interrupt.Ask());
            Assert.True(cancel.IsCancellationRequested);
            Assert.False(interrupt.Token.IsCancellationRequested);
            Assert.True(interrupt.Ask());
            Assert.True(interrupt.Token.IsCancellationRequested);
            Assert.False(interrupt.Ask());
        });
    }

    [Fact]
    public void ElsewhereTheFirstInterruptStopsTheWorkAndTheSecondTheProcess()
    {
        using Interrupt interrupt = new();
        interrupt.Answer(_ => { });
        interrupt.Wait(() => 0);
        Assert.True(interrupt.Ask());
        Assert.True(interrupt.Token.IsCancellationRequested);
        Assert.False(interrupt.Ask());
    }

    [Theory]
    [InlineData("--template is needed", "--max-tokens", "5")]
    [InlineData("llama-2 or llama-3 or alpaca or chatml or zephyr or mistral", "--template", "vicuna")]
    [InlineData("--context must be at most 128", "--template", "llama-2", "--context", "129")]
    [InlineData("Min-p", "--template", "llama-2", "--min-p", "2")]
    public void WrongUsageIsOneLine(string part, params string[] more)
    {
        CliResult result = world.Run(["chat", "-m", world.Base, "--threads", "1", .. more], CancellationToken.None, input: "Hi\n");
        Assert.Equal((2, ""), (result.Code, result.Out));
        Assert.Contains(part, Assert.Single(result.ErrorLines));
    }

    /// <summary>Standard output that asks once, as Ctrl-C does, when the first text appears in it.</summary>
    private sealed class AskingWriter(Interrupt interrupt) : StringWriter
    {
        public List<bool> Answers { get; } = [];

        public override void Write(string? value)
        {
            base.Write(value);
            if (Answers.Count == 0) Answers.Add(interrupt.Ask());
        }
    }
}
