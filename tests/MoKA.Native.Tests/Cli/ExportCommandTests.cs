using System.Text.Json;
using System.Text.Json.Nodes;
using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;

namespace MoKA.Native.Tests.Cli;

/// <summary>Adapters of every method, exported by the command and read again.</summary>
public sealed class ExportCommandTests(CliWorld world) : IClassFixture<CliWorld>
{
    private static readonly string[] Files = [AdapterFolder.ConfigFile, AdapterFolder.WeightsFile];

    [Theory]
    [InlineData("lora", "peft-lora")]
    [InlineData("rslora", "peft-lora")]
    [InlineData("dora", "peft-lora")]
    [InlineData("lokr", "peft-lokr")]
    public void What_is_in_PEFTs_format_already_keeps_every_byte(string method, string to)
    {
        string run = Trained(method), adapter = Path.Combine(run, "adapter");
        foreach (string[] more in (string[][])[[], ["-m", world.Base]])
        {
            string output = world.Path($"same-{method}-{more.Length}");
            CliResult result = world.Run(["export", run, "--to", to, "-o", output, "--threads", "1", .. more]);
            Assert.Equal((0, ""), (result.Code, result.Error));
            Assert.Contains("to the bit", result.Out);
            foreach (string file in Files) Assert.Equal(File.ReadAllBytes(Path.Combine(adapter, file)), File.ReadAllBytes(Path.Combine(output, file)));
        }
    }

    [Fact]
    public void A_published_file_in_half_precision_keeps_every_byte_until_less_is_asked_for()
    {
        string foreign = world.Copy(Path.Combine(Trained("lora"), "adapter"), "foreign"), weights = Path.Combine(foreign, AdapterFolder.WeightsFile);
        SafetensorsWriter writer = new();
        using (SafetensorsFile file = new(weights))
            foreach (TensorEntry entry in file.Tensors.Values)
            {
                byte[] halves = new byte[2 * entry.ElementCount];
                float[] numbers = new float[entry.ElementCount];
                file.ReadFloats(entry.Name, numbers);
                for (int i = 0; i < numbers.Length; i++) BitConverter.TryWriteBytes(halves.AsSpan(2 * i), (Half)numbers[i]);
                writer.Add(entry.Name, ElementType.F16, [.. entry.Dims], halves);
            }
        writer.Save(weights, new Dictionary<string, string> { ["format"] = "pt" });
        File.AppendAllText(Path.Combine(foreign, AdapterFolder.ConfigFile), "\n\n");
        Assert.Equal(0, world.Run("export", foreign, "-o", world.Path("foreign-same"), "--rank", "16", "--threads", "1").Code);
        foreach (string file in Files) Assert.Equal(File.ReadAllBytes(Path.Combine(foreign, file)), File.ReadAllBytes(Path.Combine(world.Path("foreign-same"), file)));
        CliResult less = world.Run("export", foreign, "-o", world.Path("foreign-less"), "--rank", "2", "--json", "--threads", "1");
        using JsonDocument json = JsonDocument.Parse(less.Out);
        Assert.Equal((0, 2), (less.Code, json.RootElement.GetProperty("ranks").GetInt32()));
        Assert.InRange(json.RootElement.GetProperty("worst_error").GetDouble(), 1e-6, 0.999);
    }

    [Fact]
    public void An_older_description_is_written_as_PEFT_reads_it()
    {
        string old = world.Copy(Path.Combine(Trained("dora"), "adapter"), "older"), config = Path.Combine(old, AdapterFolder.ConfigFile), output = world.Path("newer");
        JsonNode description = JsonNode.Parse(File.ReadAllText(config))!;
        description["target_modules"] = new JsonArray("all");
        File.WriteAllText(config, description.ToJsonString());
        Assert.Equal(0, world.Run("export", old, "-o", output, "--threads", "1").Code);
        foreach (string file in Files) Assert.Equal(File.ReadAllBytes(Path.Combine(Trained("dora"), "adapter", file)), File.ReadAllBytes(Path.Combine(output, file)));
    }

    [Fact]
    public void The_LoRA_nearest_to_a_DoRA_takes_its_base()
    {
        string run = Trained("dora"), near = world.Path("near");
        CliResult result = world.Run("export", run, "-m", world.Base, "--to", "peft-lora", "-o", near, "--rank", "32", "--threads", "1");
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Contains("layers.1.down", result.Out);
        Assert.DoesNotContain("\"use_dora\": true", File.ReadAllText(Path.Combine(near, AdapterFolder.ConfigFile)));
        Same(run, near);
        Assert.Equal(0, world.Run("export", run, "-m", world.Base, "--to", "gguf-lora", "-o", world.Path("near.gguf"), "--energy", "0.9", "--threads", "1").Code);
        using GgufFile file = new(world.Path("near.gguf"));
        Assert.Equal(28, file.Tensors.Count);
    }

    [Theory]
    [InlineData("lokr", "peft-lora")]
    [InlineData("lora", "peft-lora")]
    [InlineData("rslora", "peft-lora")]
    [InlineData("dora", "peft-lora")]
    [InlineData("krona", "peft-lora", "--rank", "32")]
    [InlineData("moka", "peft-lora", "--rank", "32")]
    [InlineData("moka-s", "peft-lora", "--rank", "32")]
    [InlineData("lokr", "peft-lokr")]
    [InlineData("krona", "peft-lokr")]
    public void Without_its_base_an_adapter_goes_to_PEFT_and_says_the_same(string method, string to, params string[] more)
    {
        string run = Trained(method), output = world.Path($"{method}-as-{to}");
        CliResult result = world.Run(["export", run, "--to", to, "-o", output, "--threads", "1", .. more]);
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Equal(to == "peft-lora" ? "LORA" : "LOKR", AdapterSummary.Read(output).PeftType);
        Same(run, output);
    }

    [Theory]
    [InlineData(2, "--model", "dora", "--rank", "4")]
    [InlineData(2, "--model", "dora", "--energy", "0.9")]
    [InlineData(3, "a DoRA also scales the rows of its base's weights; give a rank or an energy", "dora", "--to", "gguf-lora", "-m", "BASE")]
    [InlineData(3, "a DoRA also scales", "dora", "--to", "peft-lokr")]
    [InlineData(3, "none", "lora", "--to", "peft-lokr", "-m", "BASE")]
    [InlineData(3, "another model", "dora", "-m", "OTHER")]
    public void What_cannot_be_is_one_line_and_leaves_nothing(int code, string naming, string method, params string[] args)
    {
        string run = Trained(method);
        string[] before = world.Everything();
        CliResult result = world.Run(["export", run, "-o", world.Path("nothing"), "--quiet", .. args.Select(a => a == "BASE" ? world.Base : a == "OTHER" ? world.OtherBase : a)]);
        Assert.Equal(code, result.Code);
        Assert.Contains(naming, Assert.Single(result.ErrorLines), StringComparison.Ordinal);
        Assert.Equal(before, world.Everything());
    }

    private string Trained(string method)
    {
        string run = world.Path("run-" + method);
        string[] own = method switch
        {
            "lora" or "rslora" or "dora" => ["--rank", "4", "--alpha", "6"],
            "lokr" => ["--rank", "3"],
            // The shape that LoKr derives from its usual factor.
            "krona" => ["--targets", "q,o", "--shapes", "4x4:8x8"],
            _ => [],
        };
        if (!Directory.Exists(run)) Assert.Equal(0, world.Run(["train", "-m", world.Base, "-d", world.Train, "-o", run, "--method", method, "--steps", "4", "--batch", "2", "--threads", "1", "--lr", "0.05", .. own]).Code);
        return run;
    }

    /// <summary>Both adapters move every logit of the base alike, and by far more than they differ.</summary>
    private void Same(string run, string exported)
    {
        float[] plain = Logits(null), expected = Logits(Path.Combine(run, "adapter")), actual = Logits(exported);
        Assert.True(Norms.Distance(plain, expected) > 1e-2 * Norms.Of(plain));
        Assert.InRange(Norms.Distance(expected, actual), 0, 1e-4 * Norms.Distance(plain, expected));
    }

    private float[] Logits(string? adapter)
    {
        LlamaModel model = LlamaFolder.LoadModel(world.Base);
        if (adapter is not null) AdapterFolder.Load(adapter, model, ModelSource.Open(world.Base).Hash()).Adapters.Attach();
        int[] tokens = [.. Enumerable.Range(0, 24).Select(i => 11 * i % 300)];
        using Tape tape = new(Cpus.Widest, gradients: false);
        return model.Logits(tape, tokens, new Sequences(new[] { 0, tokens.Length })).Data.ToArray();
    }
}
