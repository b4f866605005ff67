namespace MoKA.Native.Tests.Cli;

/// <summary>Whatever is wrong, the tool says one line, returns the right code, and writes nothing.</summary>
public sealed class BadInputTests : IClassFixture<CliWorld>
{
    private readonly CliWorld _world;
    private readonly string _adapter;

    public BadInputTests(CliWorld world)
    {
        (_world, _adapter) = (world, Path.Combine(world.Path("run"), "adapter"));
        if (!Directory.Exists(_adapter)) Assert.Equal(0, world.Run(world.Training("run")).Code);
    }

    [Theory]
    [InlineData("there is no command 'trian', did you mean train?", "trian")]
    [InlineData("did you mean --steps?", "train", "-m", "x", "-d", "y", "--stepps", "4")]
    [InlineData("'--model' is required", "train", "-d", "y")]
    [InlineData("answers, loss, perplexity", "eval")]
    [InlineData("--steps must be a whole number", "train", "-m", "x", "-d", "y", "--steps", "-5")]
    [InlineData("--steps must be a whole number", "train", "-m", "x", "-d", "y", "--steps", "many")]
    [InlineData("--lr must be a number", "train", "-m", "x", "-d", "y", "--lr", "NaN")]
    [InlineData("--method must be moka", "train", "-m", "x", "-d", "y", "--method", "qlora")]
    [InlineData("--filters means nothing to --method lora", "train", "-m", "x", "-d", "y", "--method", "lora", "--filters", "3")]
    [InlineData("KronA has one filter", "train", "-m", "x", "-d", "y", "--method", "krona", "--shapes", "2x2:4x4,4x4:2x2")]
    [InlineData("Rank: must be", "train", "-m", "x", "-d", "y", "--method", "dora", "--rank", "99999999")]
    [InlineData("--template must be short or alpaca", "train", "-m", "x", "-d", "y", "--template", "chat")]
    [InlineData("--gate must be on or off", "train", "-m", "x", "-d", "y", "--gate", "maybe")]
    [InlineData("--schedule must be constant or linear or cosine", "train", "-m", "x", "-d", "y", "--schedule", "step")]
    [InlineData("write rowsA x columnsA", "train", "-m", "x", "-d", "y", "--shapes", "16x8")]
    [InlineData("shapes with commas, got 'q='", "train", "-m", "x", "-d", "y", "--shapes", "q=")]
    [InlineData("shapes with commas, got ''", "train", "-m", "x", "-d", "y", "--shapes", "q=2x2:4x4;")]
    [InlineData("several for 'q'", "train", "-m", "x", "-d", "y", "--shapes", "q,v=2x2:4x4;q=2x2:4x4")]
    [InlineData("without a kind of map, got 2", "import", "x", "-m", "x", "-o", "y", "--shapes", "2x2:4x4;2x2:4x4")]
    [InlineData("write rowsA x columnsA", "import", "x", "-m", "x", "-o", "y", "--shapes", "q=2x2:4x4;v=I2:4x4")]
    [InlineData("same number, got 1 and for 'v' 2", "import", "x", "-m", "x", "-o", "y", "--shapes", "2x2:4x4;v=2x2:4x4,4x4:2x2")]
    [InlineData("KronA has one filter", "train", "-m", "x", "-d", "y", "--method", "krona", "--shapes", "q=2x2:4x4,4x4:2x2")]
    [InlineData("--threads must be", "generate", "-m", "x", "-p", "y", "--threads", "-1")]
    [InlineData("Top-p", "generate", "-m", "x", "-p", "y", "--top-p", "2")]
    [InlineData("Min-p", "generate", "-m", "x", "-p", "y", "--min-p", "-1")]
    [InlineData("Repetition penalty", "generate", "-m", "x", "-p", "y", "--repeat-penalty", "0")]
    [InlineData("Stop strings", "generate", "-m", "x", "-p", "y", "--stop", "")]
    [InlineData("add --instruction", "generate", "-m", "x", "-p", "y", "--input", "z")]
    [InlineData("add --instruction", "generate", "-m", "x", "-p", "y", "--template", "alpaca")]
    [InlineData("--activations must be float or int8", "generate", "-m", "x", "-p", "y", "--activations", "int4")]
    [InlineData("--type must be nf4", "quantize", "x", "-o", "y", "--type", "q5")]
    [InlineData("'--output' is required", "quantize", "x")]
    public void WrongUsage(string part, params string[] arguments) => Refused(2, part, arguments);

    [Theory]
    [InlineData("Learning rate", "--lr", "-1")]
    [InlineData("Warm-up", "--warmup", "2")]
    [InlineData("Clip", "--clip", "-1")]
    [InlineData("--weight-decay", "--weight-decay", "-1")]
    [InlineData("Scale", "--scale", "0")]
    [InlineData("Dropout", "--dropout", "1")]
    [InlineData("Gate temperature", "--temperature", "0")]
    [InlineData("Targets", "--targets", "q,z")]
    [InlineData("Targets", "--targets", ",")]
    [InlineData("Filter shape 3x4:5x6", "--shapes", "3x4:5x6")]
    [InlineData("Filter shape 3x4:5x6: a map of kind 'v' takes 32 inputs to 16 outputs; choose rows", "--shapes", "v=3x4:5x6")]
    [InlineData("MoKA for 'x': the adapted kinds of map are q, k, v, o, gate, up, down", "--shapes", "x=4x4:8x8")]
    [InlineData("--max-length must be at most 128", "--max-length", "129")]
    public void OptionsThatCannotBe(string part, string option, string value) => Refused(2, part, _world.Training("never", option, value));

    [Theory]
    [InlineData("config.json", true)]
    [InlineData("config.json", false)]
    [InlineData("model.safetensors", true)]
    [InlineData("model.safetensors", false)]
    [InlineData("tokenizer.json", true)]
    [InlineData("tokenizer.json", false)]
    public void AModelWithAMissingOrDamagedFile(string file, bool missing)
    {
        string model = _world.Copy(_world.Base, $"model-{file}-{missing}");
        Damage(Path.Combine(model, file), missing);
        string[] rest = ["-d", _world.Train, "-o", _world.Path("never")];
        Refused(3, file, ["train", "-m", model, .. rest]);
        Refused(3, file, ["generate", "-m", model, "-p", "Anna"]);
        Refused(3, file, ["eval", "loss", "-m", model, "-d", _world.Test]);
        // A model may come without a tokenizer; then inspecting it says so.
        if (file == "tokenizer.json" && missing) Assert.Contains("none; give one with --tokenizer", _world.Run("inspect", model).Out, StringComparison.Ordinal);
        else Refused(3, file, ["inspect", model]);
    }

    [Theory]
    [InlineData("adapter_config.json", true)]
    [InlineData("adapter_config.json", false)]
    [InlineData("adapter_model.safetensors", true)]
    [InlineData("adapter_model.safetensors", false)]
    public void AnAdapterWithAMissingOrDamagedFile(string file, bool missing)
    {
        string adapter = _world.Copy(_adapter, $"adapter-{file}-{missing}");
        Damage(Path.Combine(adapter, file), missing);
        Refused(3, file, ["generate", "-m", _world.Base, "-a", adapter, "-p", "Anna"]);
        if (file != "adapter_config.json" || !missing) Refused(3, file, ["inspect", adapter]);
    }

    [Fact]
    public void AnAdapterOfAnotherModel() => Refused(3, "another model", ["eval", "answers", "-m", _world.OtherBase, "-a", _adapter, "-d", _world.Test, "--quiet"]);

    [Theory]
    [InlineData("no-such.json", null)]
    [InlineData("broken.json", "[{")]
    [InlineData("empty.json", "[]")]
    [InlineData("object.json", "{}")]
    [InlineData("field.jsonl", """{"instruction":"a","input":"b"}""")]
    [InlineData("table.csv", "a,b")]
    public void DataThatCannotBeRead(string name, string? content)
    {
        string data = content is null ? _world.Path(name) : _world.File(name, content);
        Refused(3, name, ["train", "-m", _world.Base, "-d", data, "-o", _world.Path("never")]);
        Refused(3, name, ["train", "-m", _world.Base, "-d", _world.Train, "--test", data, "-o", _world.Path("never")]);
        Refused(3, name, ["eval", "answers", "-m", _world.Base, "-d", data]);
    }

    [Fact]
    public void PathsThatAreNotThere()
    {
        Refused(3, "nowhere", ["inspect", _world.Path("nowhere")]);
        Refused(3, "nowhere", ["train", "-m", _world.Path("nowhere"), "-d", _world.Train]);
        Refused(3, "nowhere", ["generate", "-m", _world.Base, "-a", _world.Path("nowhere"), "-p", "Anna"]);
        Refused(3, "nowhere", ["generate", "-m", _world.Base, "--tokenizer", _world.Path("nowhere"), "-p", "Anna"]);
        Refused(3, "nowhere", ["pretrain", _world.Path("nowhere")]);
        Refused(2, "this is a file", _world.Training("test.json"));
    }

    [Fact]
    public void ATooLongPromptIsNamed() => Refused(2, "positions end at 128", ["generate", "-m", _world.Base, "-p", string.Concat(Enumerable.Repeat("Anna ran. ", 200))]);

    private void Refused(int code, string part, string[] arguments)
    {
        string[] before = _world.Everything();
        CliResult result = _world.Run(arguments);
        Assert.Equal(code, result.Code);
        string line = Assert.Single(result.ErrorLines);
        Assert.StartsWith("moka: ", line);
        Assert.Contains(part, line);
        Assert.DoesNotContain("   at ", line);
        Assert.Equal("", result.Out);
        Assert.Equal(before, _world.Everything());
    }

    private static void Damage(string path, bool missing)
    {
        if (missing) File.Delete(path);
        else File.WriteAllBytes(path, File.ReadAllBytes(path)[..(int)(new FileInfo(path).Length / 2)]);
    }
}
