using System.Text.Json;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama.Checkpoints;

namespace MoKA.Native.Tests.Cli;

/// <summary>The commands merge, export and import: what they write, print and return.</summary>
public sealed class TravelCommandsTests : IClassFixture<CliWorld>
{
    private readonly CliWorld _world;
    private readonly string _run;

    public TravelCommandsTests(CliWorld world)
    {
        (_world, _run) = (world, world.Path("run"));
        if (!Directory.Exists(_run)) Assert.Equal(0, world.Run(world.Training("run")).Code);
    }

    [Fact]
    public void A_merged_model_says_what_base_and_adapter_say()
    {
        CliResult result = _world.Run("merge", "-m", _world.Base, "-a", _run, "-o", _world.Path("merged"), "--verify", "--dtype", "f32", "--threads", "1");
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Contains("Q4_0 are written as F32", result.Out);
        Assert.Contains("largest difference", result.Out);
        string[] Speak(string model, params string[] more) => ["generate", "-m", model, "-p", "Anna had", "--max-tokens", "8", "--threads", "1", .. more];
        Assert.Equal(_world.Run(Speak(_world.Base, "-a", _run)).Out, _world.Run(Speak(_world.Path("merged"))).Out);
        Assert.Equal(2, _world.Run("merge", "-m", _world.Base, "-a", _run, "-o", _world.Path("merged")).Code);
        using JsonDocument json = JsonDocument.Parse(_world.Run("merge", "-m", _world.Base, "-a", _run, "-o", _world.Path("merged"), "--force", "--verify", "-p", "Ben ran", "--json", "--threads", "1").Out);
        Assert.True(json.RootElement.GetProperty("verified").GetBoolean());
        Assert.InRange(json.RootElement.GetProperty("largest_difference").GetDouble(), 0, 0.1);
        Assert.Equal("dequantised", json.RootElement.GetProperty("storage_of_the_base").GetString());
    }

    [Fact]
    public void Requantising_is_measured_and_a_merge_that_does_not_hold_returns_six()
    {
        // An adapter much larger than the base, so that four bits of the sum are far from it.
        string large = _world.Copy(Path.Combine(_run, "adapter"), "large"), config = Path.Combine(large, AdapterFolder.ConfigFile);
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"scale\": 1", "\"scale\": 1000", StringComparison.Ordinal));
        CliResult kept = _world.Run("merge", "-m", _world.Base, "-a", large, "-o", _world.Path("four"), "--requantize", "q4", "--threads", "1");
        Assert.Equal((0, ""), (kept.Code, kept.Error));
        Assert.Contains("relative error", kept.Out);
        Assert.Contains("q_proj", kept.Out);
        // What is there already stays, and what is not there is not begun.
        foreach (string output in (string[])["half", "four"])
        {
            string[] before = _world.Everything();
            byte[] held = File.ReadAllBytes(Path.Combine(_world.Path("four"), LlamaFolder.WeightsFile));
            CliResult result = _world.Run("merge", "-m", _world.Base, "-a", large, "-o", _world.Path(output), "--force", "--dtype", "bf16", "--verify", "--threads", "1");
            Assert.Equal(6, result.Code);
            Assert.Matches("logits differ.*nothing is written", Assert.Single(result.ErrorLines));
            Assert.Contains("verified", result.Out);
            Assert.Equal(before, _world.Everything());
            Assert.Equal(held, File.ReadAllBytes(Path.Combine(_world.Path("four"), LlamaFolder.WeightsFile)));
        }
        CliResult json = _world.Run("merge", "-m", _world.Base, "-a", large, "-o", _world.Path("half"), "--dtype", "bf16", "--verify", "--json", "--quiet", "--threads", "1");
        using JsonDocument facts = JsonDocument.Parse(json.Out);
        Assert.Equal((6, false, false), (json.Code, facts.RootElement.GetProperty("verified").GetBoolean(), facts.RootElement.TryGetProperty("size", out _)));
        Assert.Equal(0, _world.Run("merge", "-m", _world.Base, "-a", large, "-o", _world.Path("half"), "--dtype", "bf16", "--threads", "1").Code);
    }

    [Theory]
    [InlineData("peft-lora", "--rank", "24")]
    [InlineData("peft-lora", "--energy", "0.99")]
    public void An_adapter_becomes_PEFTs_LoRA_and_comes_back(string to, string option, string value)
    {
        string output = _world.Path($"lora{option}");
        CliResult result = _world.Run("export", _run, "-m", _world.Base, "--to", to, "-o", output, option, value, "--threads", "1");
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Contains("worst error", result.Out);
        Assert.Contains("layers.1.", result.Out);
        Assert.Equal("LORA", AdapterSummary.Read(output).PeftType);
        Assert.Equal(0, _world.Run("generate", "-m", _world.Base, "-a", output, "-p", "Anna", "--max-tokens", "2", "--threads", "1").Code);
        CliResult back = _world.Run("import", output, "-m", _world.Base, "-o", _world.Path($"moka{option}"), "--filters", "4", "--json", "--threads", "1");
        Assert.Equal((0, ""), (back.Code, back.Error.Replace($"fitting {output} (14) ...\n", "", StringComparison.Ordinal)));
        using JsonDocument json = JsonDocument.Parse(back.Out);
        Assert.InRange(json.RootElement.GetProperty("overall_error").GetDouble(), 0, 1);
        Assert.Equal(14, json.RootElement.GetProperty("modules").EnumerateObject().Count());
        Assert.Equal("MOKA", AdapterSummary.Read(_world.Path($"moka{option}")).PeftType);
    }

    [Fact]
    public void Without_its_base_an_adapter_becomes_the_same_LoRA()
    {
        string[] Export(string output, params string[] more) => ["export", _run, "-o", _world.Path(output), "--rank", "8", "--json", "--threads", "1", .. more];
        CliResult with = _world.Run(Export("lora-with", "-m", _world.Base)), alone = _world.Run(Export("lora-alone"));
        Assert.Equal((0, 0), (with.Code, alone.Code));
        foreach (string file in (string[])[AdapterFolder.ConfigFile, AdapterFolder.WeightsFile])
            Assert.Equal(File.ReadAllBytes(Path.Combine(_world.Path("lora-with"), file)), File.ReadAllBytes(Path.Combine(_world.Path("lora-alone"), file)));
        using JsonDocument a = JsonDocument.Parse(with.Out), b = JsonDocument.Parse(alone.Out);
        Assert.Equal(Path.GetFileName(_world.Base), b.RootElement.GetProperty("model").GetString());
        Assert.Equal(a.RootElement.GetProperty("modules").GetRawText(), b.RootElement.GetProperty("modules").GetRawText());
    }

    [Fact]
    public void A_model_travels_to_GGUF_and_back()
    {
        string gguf = _world.Path("model.gguf"), folder = _world.Path("folder");
        CliResult there = _world.Run("export", _run, "-m", _world.Base, "--to", "gguf", "-o", gguf, "--type", "f16", "--threads", "1"), back = _world.Run("export", gguf, "--to", "hf", "-o", folder, "--threads", "1");
        Assert.Equal((0, "", 0, ""), (there.Code, there.Error, back.Code, back.Error));
        string[] Speak(string model) => ["generate", "-m", model, "-p", "Anna had", "--max-tokens", "8", "--threads", "1"];
        Assert.Equal(_world.Run(Speak(gguf)).Out, _world.Run(Speak(folder)).Out);
        CliResult four = _world.Run("export", _world.Base, "--to", "gguf", "-o", _world.Path("q4.gguf"), "--type", "q4_0", "--json", "--threads", "1");
        using JsonDocument json = JsonDocument.Parse(four.Out);
        Assert.Contains("Q8_0", json.RootElement.GetProperty("notes")[0].GetString());
        Assert.Equal(0, _world.Run(Speak(_world.Path("q4.gguf"))).Code);
        CliResult lora = _world.Run("export", _run, "-m", _world.Base, "--to", "gguf-lora", "-o", _world.Path("lora.gguf"), "--rank", "8", "--type", "f16", "--threads", "1");
        Assert.Equal((0, ""), (lora.Code, lora.Error));
        using GgufFile file = new(_world.Path("lora.gguf"));
        Assert.Equal(28, file.Tensors.Count);
    }

    [Fact]
    public void A_tuned_model_and_a_file_of_mlx_are_imported()
    {
        Assert.Equal(0, _world.Run("merge", "-m", _world.Base, "-a", _run, "-o", _world.Path("tuned"), "--dtype", "f32", "--threads", "1").Code);
        CliResult full = _world.Run("import", _world.Path("tuned"), "-m", _world.Base, "-o", _world.Path("from-full"), "--filters", "3", "--targets", "q,v", "--threads", "1");
        Assert.Equal((0, ""), (full.Code, full.Error));
        Assert.Contains("overall error", full.Out);
        SafetensorsWriter writer = new();
        writer.Add("model.layers.0.self_attn.q_proj.lora_a", [32, 2], Draw.Normal(1, 64));
        writer.Add("model.layers.0.self_attn.q_proj.lora_b", [2, 32], Draw.Normal(2, 64));
        writer.Save(_world.Path("mlx.safetensors"));
        string[] Mlx(string output, params string[] more) => ["import", _world.Path("mlx.safetensors"), "-m", _world.Base, "-o", _world.Path(output), "--threads", "1", .. more];
        Assert.Equal(0, _world.Run(Mlx("mlx-lora", "--to", "peft-lora", "--scale", "20")).Code);
        Assert.Equal("LORA", AdapterSummary.Read(_world.Path("mlx-lora")).PeftType);
        Assert.Equal(0, _world.Run(Mlx("mlx-moka", "--scale", "20", "--shapes", "8x4:4x8,8x4:4x8")).Code);
        Assert.Equal(0, _world.Run("import", _run, "-m", _world.Base, "-o", _world.Path("kinds"), "--shapes", "q,o=8x4:4x8;k,v=2x8:8x4;4x8:16x4;down=8x4:4x16", "--threads", "1").Code);
        Assert.Equal(["k 2x8:8x4", "o 8x4:4x8", "q 8x4:4x8", "v 2x8:8x4"], AdapterFolder.Load(_world.Path("kinds"), LlamaFolder.LoadModel(_world.Base), null).Adapters.Entries
            .Where(e => e.Projection.Kind is "q" or "k" or "v" or "o").Select(e => $"{e.Projection.Kind} {Assert.Single(e.Adapter.Parts)}").Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(3, _world.Run(Mlx("mlx-no")).Code);
        Assert.False(Directory.Exists(_world.Path("mlx-no")));
    }

    [Theory]
    [InlineData(2, "--model", "export", "RUN", "-o", "OUT", "--to", "gguf-lora")]
    [InlineData(2, "--model", "export", "RUN", "-o", "OUT", "--to", "hf")]
    [InlineData(2, "adapter_config.json", "export", "BASE", "-o", "OUT", "--to", "peft-lora")]
    [InlineData(2, "adapter_config.json", "export", "BASE", "-m", "BASE", "-o", "OUT", "--to", "peft-lokr")]
    [InlineData(2, "apart", "export", "RUN", "-o", "RUN/adapter/inside", "--to", "peft-lora")]
    [InlineData(3, "rank", "export", "RUN", "-o", "OUT")]
    [InlineData(3, "Kronecker", "export", "RUN", "-o", "OUT", "--to", "peft-lokr")]
    [InlineData(2, "--model", "export", "RUN", "-o", "OUT", "--to", "gguf")]
    [InlineData(2, "exact", "export", "RUN", "-m", "BASE", "-o", "OUT", "--to", "hf", "--rank", "3")]
    [InlineData(2, "--type", "export", "RUN", "-m", "BASE", "-o", "OUT", "--to", "peft-lora", "--type", "f16")]
    [InlineData(2, "q8_0", "export", "BASE", "-o", "OUT", "--to", "hf", "--type", "q8_0")]
    [InlineData(2, "f32 or f16", "export", "RUN", "-m", "BASE", "-o", "OUT", "--to", "gguf-lora", "--type", "bf16")]
    [InlineData(2, "Energy", "export", "RUN", "-m", "BASE", "-o", "OUT", "--energy", "2")]
    [InlineData(2, "apart", "export", "RUN", "-m", "BASE", "-o", "BASE/inside", "--rank", "3")]
    [InlineData(2, "apart", "merge", "-a", "RUN", "-m", "BASE", "-o", "BASE", "--force")]
    [InlineData(2, "apart", "merge", "-a", "RUN", "-m", "BASE", "-o", "OTHER", "--force", "--tokenizer", "OTHER/tokenizer.json")]
    [InlineData(2, "apart", "import", "RUN", "-m", "BASE", "-o", "RUN/adapter", "--force")]
    [InlineData(2, "apart", "import", "RUN", "-m", "BASE", "-o", "BASE/inside")]
    [InlineData(2, "apart", "quantize", "BASE", "-o", "BASE/inside")]
    [InlineData(2, "apart", "quantize", "BASE", "-o", "BASE/..", "--force")]
    [InlineData(2, "holds something", "merge", "-a", "RUN", "-m", "BASE", "-o", "BASE")]
    [InlineData(2, "--verify", "merge", "-a", "RUN", "-m", "BASE", "-o", "OUT", "--prompt", "x")]
    [InlineData(2, "one of the two", "merge", "-a", "RUN", "-m", "BASE", "-o", "OUT", "--dtype", "f16", "--requantize", "q8")]
    [InlineData(2, "mlx", "import", "RUN", "-m", "BASE", "-o", "OUT", "--to", "peft-lora")]
    [InlineData(2, "mlx", "import", "RUN", "-m", "BASE", "-o", "OUT", "--scale", "3")]
    [InlineData(2, "belongs to mlx", "import", "RUN", "-m", "BASE", "-o", "OUT", "--scale", "0")]
    [InlineData(2, "nothing of the adapter", "import", "RUN", "-m", "BASE", "-o", "OUT", "--from", "mlx", "--scale", "0")]
    [InlineData(3, "rank", "export", "RUN", "-m", "BASE", "-o", "OUT")]
    [InlineData(3, "Kronecker", "export", "RUN", "-m", "BASE", "-o", "OUT", "--to", "peft-lokr")]
    [InlineData(3, "another model", "merge", "-a", "RUN", "-m", "OTHER", "-o", "OUT")]
    [InlineData(2, "a map of kind 'v' takes 32 inputs to 16 outputs", "import", "RUN", "-m", "BASE", "-o", "OUT", "--shapes", "v=8x4:4x8")]
    [InlineData(2, "'head'", "import", "RUN", "-m", "BASE", "-o", "OUT", "--shapes", "head=8x4:4x8")]
    [InlineData(2, "got 'z'", "import", "BASE", "-m", "BASE", "-o", "OUT", "--from", "full", "--targets", "q,z")]
    [InlineData(2, "--targets", "import", "RUN", "-m", "BASE", "-o", "OUT", "--targets", "q")]
    [InlineData(2, "--filters", "import", "RUN", "-m", "BASE", "-o", "OUT", "--from", "mlx", "--to", "peft-lora", "--filters", "3")]
    [InlineData(3, "differ", "import", "BASE", "-m", "BASE", "-o", "OUT", "--from", "full")]
    public void What_cannot_be_is_one_line_and_leaves_nothing(int code, string naming, params string[] args)
    {
        string[] before = _world.Everything();
        CliResult result = _world.Run([.. args.Select(a => a.Replace("RUN", _run, StringComparison.Ordinal).Replace("BASE", _world.Base, StringComparison.Ordinal).Replace("OTHER", _world.OtherBase, StringComparison.Ordinal).Replace("OUT", _world.Path("nothing"), StringComparison.Ordinal)), "--quiet"]);
        Assert.Equal(code, result.Code);
        Assert.Contains(naming, Assert.Single(result.ErrorLines), StringComparison.Ordinal);
        Assert.Equal(before, _world.Everything());
    }

    [Theory]
    [InlineData("merge")]
    [InlineData("export")]
    [InlineData("import")]
    public void Help_ends_with_examples(string command)
    {
        CliResult result = _world.Run(command, "--help");
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Contains($"  moka {command} ", result.Out[result.Out.IndexOf("Examples:", StringComparison.Ordinal)..]);
        Assert.DoesNotContain("System.", result.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("{ ", result.Out, StringComparison.Ordinal);
    }
}
