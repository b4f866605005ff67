using System.Text.Json;

namespace MoKA.Native.Tests.Cli;

public sealed class OtherCommandsTests : IClassFixture<CliWorld>
{
    private readonly CliWorld _world;
    private readonly string _run;

    public OtherCommandsTests(CliWorld world)
    {
        (_world, _run) = (world, world.Path("run"));
        if (!Directory.Exists(_run)) Assert.Equal(0, world.Run(world.Training("run")).Code);
    }

    [Fact]
    public void AdaptersAddUpWithTheirWeights()
    {
        string[] common = ["generate", "-m", _world.Base, "-p", "Anna had", "--max-tokens", "8", "--threads", "1"];
        string alone = _world.Run([.. common, "-a", _run]).Out, none = _world.Run(common).Out;
        Assert.Equal(alone, _world.Run([.. common, "-a", _run, "-a", _run + ":0"]).Out);
        Assert.Equal(none, _world.Run([.. common, "-a", _run + ":0"]).Out);
        Assert.Equal(alone, _world.Run([.. common, "-a", _run + ":0.5", "-a", _run + ":0.5"]).Out);
        CliResult wrong = _world.Run([.. common, "-a", _run + ":x"]);
        Assert.Equal(3, wrong.Code);
        Assert.Contains(":x", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void MapsThatAreStoredSoAlreadyAreCopied()
    {
        string output = _world.Path("same");
        CliResult result = _world.Run("quantize", _world.Base, "-o", output, "--type", "q4", "--tables", "f16");
        Assert.Equal(0, result.Code);
        Assert.Contains("stored so already", result.Out, StringComparison.Ordinal);
        Assert.Equal(0, _world.Run("quantize", _world.Base, "-o", output, "--type", "q4", "--json", "--force").Code);
    }

    [Fact]
    public void GenerationDependsOnTheSeedAndIsAloneOnStandardOutput()
    {
        CliResult Generate(string seed) => _world.Run("generate", "-m", _world.Base, "-p", "Anna had", "--temperature", "1", "--max-tokens", "12", "--threads", "1", "--seed", seed);
        CliResult first = Generate("1");
        Assert.Equal(0, first.Code);
        Assert.Equal(first.Out, Generate("1").Out);
        Assert.NotEqual(first.Out, Generate("2").Out);
        Assert.DoesNotContain("Anna had", first.Out[..Math.Min(8, first.Out.Length)]);
        Assert.DoesNotContain("tokens/s", first.Out);
        Assert.Contains("12 new tokens", Assert.Single(first.ErrorLines));
    }

    [Fact]
    public void GenerationSaysWhyItEndedAndNeverShowsAStopText()
    {
        string[] common = ["generate", "-m", _world.Base, "-p", "Anna had", "--temperature", "1", "--max-tokens", "12", "--threads", "1"];
        CliResult whole = _world.Run(common);
        Assert.Contains("ended at --max-tokens", Assert.Single(whole.ErrorLines));
        string text = whole.Out.TrimEnd('\n'), stop = text.Substring(text.Length / 2, 2);
        CliResult stopped = _world.Run([.. common, "--stop", "never seen", "--stop", stop]);
        Assert.Contains("ended at a stop text", Assert.Single(stopped.ErrorLines));
        Assert.Equal(text[..text.IndexOf(stop, StringComparison.Ordinal)] + "\n", stopped.Out.ReplaceLineEndings("\n"));
        Assert.Equal(whole.Out, _world.Run([.. common, "--min-p", "0", "--repeat-penalty", "1"]).Out);
        Assert.Equal(_world.Run([.. common[..5], "--max-tokens", "12", "--threads", "1"]).Out, _world.Run([.. common, "--min-p", "1"]).Out);
        Assert.NotEqual(whole.Out, _world.Run([.. common, "--repeat-penalty", "1.5"]).Out);
    }

    [Fact]
    public void TheActivationsAreNamedAndNeedTheRightMaps()
    {
        string[] common = ["generate", "-m", _world.Base, "-p", "Anna had", "--max-tokens", "3", "--threads", "1"];
        Assert.EndsWith("float activations", Assert.Single(_world.Run(common).ErrorLines));
        Assert.EndsWith("int8 activations", Assert.Single(_world.Run([.. common, "--activations", "int8"]).ErrorLines));
        CliResult loss = _world.Run("eval", "loss", "-m", _world.Base, "-d", _world.Test, "--activations", "int8", "--json", "--threads", "1");
        using JsonDocument json = JsonDocument.Parse(loss.Out);
        Assert.Equal("int8", json.RootElement.GetProperty("activations").GetString());
        foreach (string type in (string[])["nf4", "bf16"]) Assert.Equal(0, _world.Run("quantize", _world.Base, "-o", _world.Path(type), "--type", type, "--force").Code);
        string[] Rounded(string type) => ["generate", "-m", _world.Path(type), "-p", "Anna", "--max-tokens", "3", "--activations", "int8", "--threads", "1"];
        Assert.EndsWith("int8 activations", Assert.Single(_world.Run(Rounded("nf4")).ErrorLines));
        CliResult refused = _world.Run(Rounded("bf16"));
        Assert.Equal(2, refused.Code);
        Assert.Contains("Q4_0", Assert.Single(refused.ErrorLines));
    }

    [Fact]
    public void ADashReadsThePromptFromStandardInput()
    {
        string[] Arguments(string prompt) => ["generate", "-m", _world.Base, "-a", _run, "-p", prompt, "--max-tokens", "6", "--threads", "1", "--quiet"];
        CliResult piped = _world.Run(Arguments("-"), CancellationToken.None, input: "Ben ran to");
        Assert.Equal((0, ""), (piped.Code, piped.Error));
        Assert.Equal(_world.Run(Arguments("Ben ran to")).Out, piped.Out);
    }

    [Fact]
    public void AnInstructionIsWrappedInTheTemplate()
    {
        string[] common = ["generate", "-m", _world.Base, "--max-tokens", "8", "--threads", "1", "--quiet", "-p"];
        CliResult wrapped = _world.Run([.. common, "Who?", "--instruction", "--input", "Anna."]);
        Assert.Equal(_world.Run([.. common, "### Instruction:\nWho?\n\n### Input:\nAnna.\n\n### Response:\n"]).Out, wrapped.Out);
    }

    [Theory]
    [InlineData("nf4", "4.")]
    [InlineData("q8", "8.5")]
    public void AModelIsQuantisedAndGoesOnSpeaking(string type, string bits)
    {
        string output = _world.Path("quantised-" + type);
        CliResult result = _world.Run("quantize", _world.Base, "-o", output, "--type", type);
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Contains("q_proj.weight", result.Out);
        Assert.Contains("relative error", result.Out);
        CliResult json = _world.Run("quantize", _world.Base, "-o", output, "--type", type, "--json", "--force");
        using JsonDocument document = JsonDocument.Parse(json.Out);
        Assert.StartsWith(bits, document.RootElement.GetProperty("bits_per_weight").GetDouble().ToString("0.00", System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(0, _world.Run("generate", "-m", output, "-p", "Anna had", "--max-tokens", "3", "--threads", "1").Code);
        Assert.Equal(0, _world.Run("inspect", output).Code);
        Assert.Equal(2, _world.Run("quantize", _world.Base, "-o", output).Code);
    }

    [Fact]
    public void AStoppedGenerationEndsItsLine()
    {
        using CancellationTokenSource source = new();
        source.Cancel();
        CliResult result = _world.Run(["generate", "-m", _world.Base, "-p", "Anna", "--threads", "1"], source.Token);
        Assert.Equal(130, result.Code);
        Assert.EndsWith("\n", result.Out);
    }

    [Theory]
    [InlineData("answers", "test.json", "accuracy")]
    [InlineData("loss", "test.json", "perplexity")]
    [InlineData("loss", "story.txt", "nats_per_byte")]
    public void EvaluationPrintsOneObjectAndNothingElse(string task, string data, string member)
    {
        CliResult result = _world.Run("eval", task, "-m", _world.Base, "-a", _run, "-d", _world.Path(data), "--threads", "1", "--max-length", "64", "--json");
        Assert.Equal(0, result.Code);
        using JsonDocument document = JsonDocument.Parse(result.Out);
        Assert.True(document.RootElement.GetProperty(member).GetDouble() >= 0);
        Assert.Equal(task, document.RootElement.GetProperty("task").GetString());
    }

    [Theory]
    [InlineData("base", "model folder")]
    [InlineData("run", "run folder")]
    [InlineData("run/adapter", "MoKA adapter")]
    [InlineData("base/model.safetensors", "safetensors file")]
    public void InspectKnowsWhatItSees(string path, string kind)
    {
        CliResult json = _world.Run("inspect", _world.Path(path), "--json");
        Assert.Equal((0, ""), (json.Code, json.Error));
        using JsonDocument document = JsonDocument.Parse(json.Out);
        Assert.Equal(kind, document.RootElement.GetProperty("kind").GetString());
        CliResult plain = _world.Run("inspect", _world.Path(path));
        Assert.Contains(kind, plain.Out);
        Assert.DoesNotContain(plain.Out, c => char.IsControl(c) && c is not '\n' and not '\r');
    }

    [Fact]
    public void AnInspectedAdapterShowsItsGatesAndRanks()
    {
        using JsonDocument document = JsonDocument.Parse(_world.Run("inspect", Path.Combine(_run, "adapter"), "--json").Out);
        JsonElement map = document.RootElement.GetProperty("maps").GetProperty("base_model.model.model.layers.0.self_attn.q_proj");
        Assert.Equal(1.0, map.GetProperty("gate").EnumerateArray().Sum(w => w.GetDouble()), 6);
        Assert.Equal(32, map.GetProperty("maximal_rank").GetInt32());
        Assert.All(map.GetProperty("norm_b").EnumerateArray(), n => Assert.True(n.GetDouble() > 0));
    }

    [Fact]
    public void PretrainingMakesABaseAndNeverWritesOverOneUnasked()
    {
        string config = _world.File("pretrain.json", """{ "text": ["story.txt"], "held_out": "story.txt", "output": "fresh", "vocabulary_size": 300, "hidden_size": 32, "intermediate_size": 64, "layers": 1, "heads": 2, "key_value_heads": 1, "max_positions": 64, "window": 16, "batch_size": 2, "steps": 2 }""");
        CliResult first = _world.Run("pretrain", config, "--threads", "1");
        Assert.Equal((0, ""), (first.Code, first.Error));
        Assert.Contains("nats a byte", first.Out);
        Assert.Equal(0, _world.Run("inspect", _world.Path("fresh")).Code);
        CliResult second = _world.Run("pretrain", config, "--threads", "1");
        Assert.Equal(2, second.Code);
        Assert.Contains("--force", Assert.Single(second.ErrorLines));
        Assert.Equal(0, _world.Run("pretrain", config, "--threads", "1", "--force", "--quiet").Code);
    }

    [Theory]
    [InlineData("")]
    [InlineData("train")]
    [InlineData("generate")]
    [InlineData("chat")]
    [InlineData("eval")]
    [InlineData("eval perplexity")]
    [InlineData("pretrain")]
    [InlineData("inspect")]
    [InlineData("shapes")]
    [InlineData("plot")]
    public void HelpEndsWithExamples(string command)
    {
        CliResult result = _world.Run([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Contains($"  moka {command}".TrimEnd(), result.Out[result.Out.IndexOf("Examples:", StringComparison.Ordinal)..]);
        Assert.DoesNotContain("System.", result.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("{ ", result.Out, StringComparison.Ordinal);
    }
}
