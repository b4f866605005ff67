using System.Text.Json;

namespace MoKA.Native.Tests.Cli;

public sealed class PerplexityCommandTests(CliWorld world) : IClassFixture<CliWorld>
{
    private string[] Measure(params string[] more) => ["eval", "perplexity", "-m", world.Base, "--text", world.Path("story.txt"), "--threads", "1", .. more];

    [Theory]
    [InlineData("llama.cpp", 16, 7)]
    [InlineData("full", 16, 15)]
    public void OneObjectSaysWhatWasMeasured(string protocol, int context, int scoredOfAWindow)
    {
        CliResult result = world.Run(Measure("--protocol", protocol, "--context", $"{context}", "--json"));
        Assert.Equal(0, result.Code);
        using JsonDocument document = JsonDocument.Parse(result.Out);
        JsonElement root = document.RootElement;
        Assert.Equal(("perplexity", protocol, context), (root.GetProperty("task").GetString(), root.GetProperty("protocol").GetString(), root.GetProperty("context").GetInt32()));
        double nats = root.GetProperty("nats_per_token").GetDouble();
        Assert.Equal(Math.Exp(nats), root.GetProperty("perplexity").GetDouble(), 1e-9);
        Assert.True(root.GetProperty("standard_error").GetDouble() > 0);
        Assert.True(root.GetProperty("tokens_per_second").GetDouble() > 0);
        long windows = root.GetProperty("windows").GetInt64(), scored = root.GetProperty("tokens_scored").GetInt64();
        Assert.InRange(scored, (windows - 1) * scoredOfAWindow + 1, windows * scoredOfAWindow);
    }

    [Fact]
    public void AdaptersAndActivationsCountAndLinesAreForPeople()
    {
        CliResult plain = world.Run(Measure("--context", "32"));
        Assert.Equal(0, plain.Code);
        Assert.Matches(@"perplexity +\d+\.\d{4} \+- \d+\.\d{4}", plain.Out);
        Assert.StartsWith("reading", Assert.Single(plain.ErrorLines));
        Assert.NotEqual(plain.Out, world.Run(Measure("--context", "32", "--activations", "int8")).Out);
        Assert.Equal(0, world.Run(world.Training("perplexity-run")).Code);
        Assert.Equal(0, world.Run(Measure("--context", "32", "-a", world.Path("perplexity-run"), "--quiet")).Code);
    }

    [Theory]
    [InlineData(2, "--protocol must be llama.cpp or full", "--protocol", "lm-eval")]
    [InlineData(2, "from 4 to the model's 128", "--context", "129")]
    [InlineData(2, "from 4 to the model's 128", "--context", "3")]
    [InlineData(2, "int4", "--activations", "int4")]
    public void WrongUsage(int code, string part, params string[] more) => Refused(code, part, Measure(more));

    [Fact]
    public void FilesThatCannotBeMeasured()
    {
        string[] On(string file) => ["eval", "perplexity", "-m", world.Base, "--text", file, "--threads", "1", "--quiet"];
        Refused(3, "nowhere.txt", On(world.Path("nowhere.txt")));
        Refused(3, "must hold text", On(world.File("blank.txt", " \n")));
        Refused(3, "at least 256 tokens", On(world.File("short.txt", "Anna had a ball.")));
        Refused(2, "'--text' is required", ["eval", "perplexity", "-m", world.Base]);
    }

    [Fact]
    public void AnInterruptStopsIt()
    {
        using CancellationTokenSource source = new();
        source.Cancel();
        CliResult result = world.Run(Measure("--quiet"), source.Token);
        Assert.Equal((130, ""), (result.Code, result.Out));
    }

    private void Refused(int code, string part, string[] arguments)
    {
        CliResult result = world.Run(arguments);
        Assert.Equal((code, ""), (result.Code, result.Out));
        Assert.Contains(part, Assert.Single(result.ErrorLines));
    }
}
