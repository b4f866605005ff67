using System.Text.Json;
using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Training;
using MoKA.Native.Nn;

namespace MoKA.Native.Tests.Cli;

public sealed class TrainCommandTests(CliWorld world) : IClassFixture<CliWorld>
{
    [Fact]
    public void ARunLeavesConfigMetricsPictureResultAndAdapter()
    {
        CliResult result = world.Run(world.Training("whole", "--test", world.Test, "--eval-every", "2"));
        Assert.Equal((0, ""), (result.Code, result.Error));
        string run = world.Path("whole");
        Assert.Equal(["adapter", "config.json", "loss.svg", "metrics.jsonl", "result.json"], Directory.EnumerateFileSystemEntries(run).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        JsonElement[] rows = Metrics(run);
        Assert.Equal([1, 2, 3, 4], rows.Where(r => r.TryGetProperty("loss", out _)).Select(r => r.GetProperty("step").GetInt32()));
        Assert.Equal([0, 2, 4], rows.Where(r => r.TryGetProperty("held_out_loss", out _)).Select(r => r.GetProperty("step").GetInt32()));
        foreach (string name in (string[])["loss", "learning_rate", "gradient_norm", "tokens", "targets", "tokens_per_second", "memory_bytes", "elapsed", "eta"])
            Assert.True(rows[1].GetProperty(name).GetDouble() >= 0, name);

        JsonElement config = Json(Path.Combine(run, "config.json"));
        Assert.Equal(LlamaFolder.Hash(world.Base), config.GetProperty("model_sha256").GetString());
        Assert.Equal((4, 2, 3), (config.GetProperty("steps").GetInt32(), config.GetProperty("batch").GetInt32(), config.GetProperty("filters").GetInt32()));
        Assert.Equal(3, config.GetProperty("shapes").GetProperty("q,o").GetArrayLength());
        JsonElement outcome = Json(Path.Combine(run, "result.json"));
        Assert.Equal(4, outcome.GetProperty("before").GetProperty("asked").GetInt32());
        Assert.Equal(1.0, outcome.GetProperty("gates").GetProperty("q").GetProperty("mean").EnumerateArray().Sum(w => w.GetDouble()), 5);
        Assert.StartsWith("<svg", File.ReadAllText(Path.Combine(run, "loss.svg"))[File.ReadAllText(Path.Combine(run, "loss.svg")).IndexOf("<svg", StringComparison.Ordinal)..]);
        Assert.Equal(14, Load(Path.Combine(run, "adapter")).Entries.Count());
    }

    [Theory]
    [InlineData("moka-s", "MOKA_S", "--gate", "off")]
    [InlineData("krona", "KRONA", "--scale", "2")]
    [InlineData("lokr", "LOKR", "--rank", "2")]
    [InlineData("lora", "LORA", "--rank", "3", "--alpha", "6", "--rate-ratio", "4")]
    [InlineData("rslora", "LORA", "--rank", "3")]
    [InlineData("dora", "LORA", "--rank", "3")]
    public void EveryMethodTrainsSavesAndSpeaks(string method, string peftType, params string[] options)
    {
        string run = world.Path("method-" + method);
        CliResult result = world.Run(["train", "-m", world.Base, "-d", world.Train, "-o", run, "--steps", "2", "--batch", "2", "--threads", "1", "--test", world.Test, "--method", method, .. options]);
        Assert.Equal((0, ""), (result.Code, result.Error));
        JsonElement config = Json(Path.Combine(run, "config.json"));
        Assert.Equal(method, config.GetProperty("method").GetString());
        Assert.Equal(peftType, Json(Path.Combine(run, "adapter", AdapterFolder.ConfigFile)).GetProperty("peft_type").GetString());
        Assert.Equal(config.GetProperty("trainable").GetInt64(), Load(Path.Combine(run, "adapter")).ParameterCount);
        CliResult inspected = world.Run("inspect", Path.Combine(run, "adapter"), "--json");
        using JsonDocument facts = JsonDocument.Parse(inspected.Out);
        Assert.Equal(config.GetProperty("trainable").GetInt64(), facts.RootElement.GetProperty("parameters").GetInt64());
        Assert.Equal(0, world.Run("generate", "-m", world.Base, "-a", run, "-p", "Anna", "--max-tokens", "3", "--threads", "1").Code);
    }

    [Theory]
    [InlineData("moka", "q,o=8x4:4x8,4x4:8x8;v=2x8:8x4,4x4:4x8", "8x4:4x8 4x4:8x8", "2x8:8x4 4x4:4x8")]
    [InlineData("moka", "8x4:4x8,4x4:8x8;v=2x8:8x4,4x4:4x8", "8x4:4x8 4x4:8x8", "2x8:8x4 4x4:4x8")]
    [InlineData("moka-s", "q,o=I8:4x4;v=2x4:I8,I16:1x2", "I8:4x4", "2x4:I8 I16:1x2")]
    [InlineData("krona", "q,o=8x4:4x8;v=2x8:8x4", "8x4:4x8", "2x8:8x4")]
    public void KindsOfMapHaveShapesOfTheirOwn(string method, string lists, string ofQueries, string ofValues)
    {
        string run = world.Path($"kinds-{method}-{lists.Length}");
        CliResult result = world.Run(["train", "-m", world.Base, "-d", world.Train, "-o", run, "--steps", "1", "--batch", "2", "--threads", "1", "--targets", "q,v,o", "--method", method, "--shapes", lists]);
        Assert.Equal((0, ""), (result.Code, result.Error));
        JsonElement config = Json(Path.Combine(run, "config.json")), shapes = config.GetProperty("shapes");
        Assert.Equal((ofQueries, ofValues), (Joined(shapes.GetProperty("q,o")), Joined(shapes.GetProperty("v"))));
        if (method == "moka") Assert.Equal(2, config.GetProperty("filters").GetInt32());
        Assert.Matches($@"q,o +\[32, 32\]: {ofQueries}", result.Out);
        foreach ((Projection place, Adapter adapter) in Load(Path.Combine(run, "adapter")).Entries)
            Assert.Equal(place.Kind == "v" ? ofValues : ofQueries, string.Join(' ', adapter.Parts));
        static string Joined(JsonElement list) => string.Join(' ', list.EnumerateArray().Select(s => s.GetString()));
    }

    [Fact]
    public void PlainOutputHasNoControlCharactersAndSaysWhatMatters()
    {
        CliResult result = world.Run(world.Training("plain", "--test", world.Test));
        Assert.DoesNotContain(result.Out, c => char.IsControl(c) && c is not '\n' and not '\r');
        foreach (string part in (string[])["trainable", "step 1/4", "step 4/4", "exact answers", "right answer", "gates", "moka generate", "moka eval answers", "moka inspect"])
            Assert.Contains(part, result.Out);
    }

    [Fact]
    public void TheDrawnScreenSaysTheSame()
    {
        CliResult result = world.Run(world.Training("rich", "--test", world.Test), CancellationToken.None, rich: true);
        Assert.Equal(0, result.Code);
        foreach (string part in (string[])["╭", "trainable", "exact answers", "right answer"]) Assert.Contains(part, result.Out);
    }

    [Fact]
    public void QuietPrintsTheResultAndNoProgress()
    {
        CliResult result = world.Run(world.Training("quiet", "--quiet"));
        Assert.DoesNotContain("step 1/4", result.Out);
        Assert.Contains("4 steps in", result.Out);
    }

    [Fact]
    public void JsonIsOneObjectAndProgressGoesToTheErrorStream()
    {
        CliResult result = world.Run(world.Training("json", "--json", "--test", world.Test));
        using JsonDocument document = JsonDocument.Parse(result.Out);
        Assert.True(document.RootElement.GetProperty("complete").GetBoolean());
        Assert.Contains("step 4/4", result.Error);
    }

    [Fact]
    public void TheSameSeedGivesTheSameAdapterAndAnotherSeedAnother()
    {
        string Adapter(string run, string seed)
        {
            Assert.Equal(0, world.Run(world.Training(run, "--seed", seed)).Code);
            return Convert.ToHexString(File.ReadAllBytes(Path.Combine(world.Path(run), "adapter", "adapter_model.safetensors")));
        }
        string first = Adapter("seed-1", "1");
        Assert.Equal(first, Adapter("seed-1-again", "1"));
        Assert.NotEqual(first, Adapter("seed-2", "2"));
    }

    [Fact]
    public void ASecondRunIntoTheSameFolderIsRefused()
    {
        string[] arguments = world.Training("taken");
        Assert.Equal(0, world.Run(arguments).Code);
        string[] before = world.Everything();
        CliResult second = world.Run(arguments);
        Assert.Equal(2, second.Code);
        Assert.Contains("not empty", Assert.Single(second.ErrorLines));
        Assert.Equal(before, world.Everything());
    }

    [Fact]
    public void AStoppedRunLeavesAReadableAdapter()
    {
        using CancellationTokenSource source = new();
        CliResult result = world.Run(world.Training("stopped", "--eval-every", "100"), source.Token, new StoppingWriter("step 1/4", source));
        Assert.Equal(130, result.Code);
        Assert.Contains("after step 1 of 4", Assert.Single(result.ErrorLines));
        string run = world.Path("stopped");
        Assert.Single(Metrics(run));
        Assert.True(File.Exists(Path.Combine(run, "config.json")) && File.Exists(Path.Combine(run, "loss.svg")));
        Assert.False(Json(Path.Combine(run, "result.json")).GetProperty("complete").GetBoolean());
        Assert.Contains(Load(Path.Combine(run, "adapter")).Parameters, p => p.Name == "B.0" && p.Data.ToArray().Any(v => v != 0));
    }

    [Fact]
    public void ARunStoppedBeforeTheFirstStepWritesNothing()
    {
        using CancellationTokenSource source = new();
        string[] before = world.Everything();
        CliResult result = world.Run(world.Training("early", "--test", world.Test), source.Token, new StoppingWriter("asking the base", source));
        Assert.Equal(130, result.Code);
        Assert.Equal(before, world.Everything());
    }

    [Fact]
    public void NumbersThatGrowBeyondAllBoundsHaveTheirOwnExitCode()
    {
        CliResult result = world.Run(world.Training("infinite", "--lr", "1e30", "--schedule", "constant"));
        Assert.Equal(4, result.Code);
        Assert.Contains("lower the learning rate", Assert.Single(result.ErrorLines));
    }

    [Fact]
    public void WithoutArgumentsTheBundledDataIsTrainedOnAndRunsAreNumbered()
    {
        string repository = world.Path("repository"), stories = Path.Combine(repository, "data", "stories"), inner = Path.Combine(repository, "src", "deep");
        Directory.CreateDirectory(stories);
        Directory.CreateDirectory(inner);
        File.WriteAllText(Path.Combine(repository, "MoKA.Native.sln"), "");
        world.Copy(world.Base, Path.Combine("repository", "data", "base"));
        File.Copy(world.Train, Path.Combine(stories, "train.json"));
        File.Copy(world.Test, Path.Combine(stories, "test.json"));
        foreach (string name in (string[])["stories", "stories-2"])
        {
            using CancellationTokenSource source = new();
            CliResult result = world.Run([], source.Token, new StoppingWriter("step 1/", source), folder: inner);
            Assert.Equal(130, result.Code);
            Assert.True(File.Exists(Path.Combine(inner, "runs", name, "adapter", AdapterFolder.WeightsFile)));
        }
    }

    [Fact]
    public void WithoutTheBundledDataOneLineSaysSo()
    {
        using TempFolder elsewhere = new();
        CliResult result = world.Run([], CancellationToken.None, folder: elsewhere.Path);
        Assert.Equal(3, result.Code);
        Assert.Contains("data/base", Assert.Single(result.ErrorLines));
        Assert.Empty(Directory.EnumerateFileSystemEntries(elsewhere.Path));
    }

    private AdapterSet Load(string folder) => AdapterFolder.Load(folder, LlamaFolder.LoadModel(world.Base), LlamaFolder.Hash(world.Base)).Adapters;

    private static JsonElement[] Metrics(string run) => [.. File.ReadAllLines(Path.Combine(run, RunFolder.MetricsFile)).Select(line => JsonDocument.Parse(line).RootElement)];

    private static JsonElement Json(string path) => JsonDocument.Parse(File.ReadAllText(path)).RootElement;
}
