using System.Text.Json.Nodes;
using FsCheck.Xunit;
using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Tests.Adapters;
using MoKA.Native.Tests.Checkpoints;

namespace MoKA.Native.Tests.Llama.Checkpoints;

/// <summary>An adapter's folder: exact when whole, refused in one line that names the file when not.</summary>
public sealed class AdapterFolderTests : IDisposable
{
    private const string Base = "base", Hash = "0123456789abcdef0123456789abcdef";

    private static readonly LlamaModel Model = TinyLlama.Create(TinyLlama.Config);
    private readonly TempFolder _folder = new();
    private readonly AdapterSet _saved = TinyLlama.Adapt(Model, "q,v", new MokaOptions { Filters = 3, Scale = 1.5f, Dropout = 0.1f, Temperature = 0.7f });

    public AdapterFolderTests() => AdapterFolder.Save(_folder.Path, Model, _saved, new AdapterOrigin(Base, Hash));

    public static TheoryData<string, string, string> BadConfigs => new()
    {
        { "peft_type", "\"IA3\"", "'IA3'" },
        { "peft_type", "\"LORA\"", "lora_A.weight" },
        { "peft_type", "null", "peft_type" },
        { "filters", "0", "Filters" },
        { "filters", "99999999999", "readable" },
        { "filters", "2.5", "readable" },
        { "filters", "4", "A.3" },
        { "filters", "2", "must be [2]" },
        { "scale", "-1", "Scale" },
        { "scale", "1e99", "scale must be a finite number" },
        { "scale", "\"x\"", "readable" },
        { "dropout", "1", "Dropout" },
        { "gate_temperature", "0", "temperature" },
        { "gated", "1", "readable" },
        { "gated", "false", "gate" },
        { "target_modules", "[]", "Targets" },
        { "target_modules", "[\"q_proj\"]", "v_proj" },
        { "target_modules", "[\"q_proj\", \"v_proj\", \"k_proj\"]", "k_proj" },
        { "target_modules", "[\"wrong\\n\"]", "wrong" },
        { "target_modules", "[7]", "readable" },
        { "target_modules", "{}", "readable" },
        { "base_model_sha256", "\"other\"", "another model" },
        { "base_model_sha256", "5", "readable" },
    };

    public static TheoryData<string, string> BadWeights => new()
    {
        { "missing", "missing" },
        { "extra", "extra\\u000a" },
        { "transposed", "multiply" },
        { "flat", "must be a matrix" },
        { "nan", "finite" },
        { "infinite", "finite" },
        { "gate", "must be [3]" },
        { "integers", "I32" },
    };

    private static MokaOptions Options => new() { Filters = 3, Scale = 1.5f, Dropout = 0.1f, Temperature = 0.7f };

    private string Config => _folder.File(AdapterFolder.ConfigFile);

    private string Weights => _folder.File(AdapterFolder.WeightsFile);

    public void Dispose() => _folder.Dispose();

    public static TheoryData<AdapterOptions, AdapterOptions, string> Unlike => new()
    {
        { new LoraOptions { Rank = 2 }, new LoraOptions { Rank = 2, Decomposed = true }, "LoRA, dropout 0 and for model.layers.0.self_attn.v_proj DoRA" },
        { new LoraOptions { Rank = 2 }, new LoraOptions { Rank = 2, Dropout = 0.5f }, "dropout 0.5" },
        { new MokaOptions { Filters = 2 }, new MokaOptions { Filters = 2, Scale = 2 }, "scale 2" },
        { new MokaOptions { Filters = 2 }, new MokaOptions { Filters = 2, Scale = MathF.BitIncrement(1) }, "scale 1.0000001" },
        { new MokaOptions { Filters = 2 }, new MokaOptions { Filters = 3 }, "3 filters" },
        { new MokaOptions { Filters = 2 }, new MokaOptions { Filters = 2, Gated = false }, "no gate" },
        { new MokaSOptions(), new MokaSOptions { Temperature = 2 }, "gate softmax(g / 2)" },
        { new KronaOptions(), new KronaOptions { Dropout = 0.25f }, "dropout 0.25" },
        { new LokrOptions { Rank = 2 }, new LokrOptions { Rank = 2, DecomposeBoth = true }, "both factors decomposed" },
        { new LokrOptions { Rank = 2 }, new LoraOptions { Rank = 2 }, "one kind" },
    };

    [Theory]
    [MemberData(nameof(Unlike))]
    public void Adapters_that_one_description_cannot_tell_apart_are_refused(AdapterOptions first, AdapterOptions second, string says)
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config);
        AdapterSet adapters = new(model.Projections, AdapterTargets.Parse("q,v"), (p, place) => (place == 1 ? second : first).Create(p.Current, 1, place));
        ErrorLine.Of(() => AdapterFolder.Save(_folder.File("mixed"), model, adapters, new AdapterOrigin(Base, Hash)), says, "save them apart");
        Assert.False(File.Exists(Path.Combine(_folder.File("mixed"), AdapterFolder.WeightsFile)));
    }

    [Fact]
    public void What_a_pattern_tells_apart_is_saved()
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config);
        LoraOptions[] options = [new() { Rank = 2, Alpha = 3 }, new() { Rank = 4, RankStabilized = true }];
        AdapterSet adapters = new(model.Projections, AdapterTargets.Parse("q,v"), (p, place) => options[place % 2].Create(p.Current, 1, place));
        AdapterFolder.Save(_folder.File("patterns"), model, adapters, new AdapterOrigin(Base, Hash));
        AdapterSet loaded = AdapterFolder.Load(_folder.File("patterns"), model, Hash).Adapters;
        foreach ((Adapter was, Adapter now) in adapters.Entries.Zip(loaded.Entries, (a, b) => (a.Adapter, b.Adapter)))
            Assert.Equal(((LoraOptions)was.Options).Scale, ((LoraOptions)now.Options).Scale, 1e-6f);
    }

    [Fact]
    public void An_adapter_comes_back_with_every_bit_and_option()
    {
        AdapterSet loaded = AdapterFolder.Load(_folder.Path, Model, Hash).Adapters;
        Assert.Equal("q,v", loaded.Targets.ToString());
        foreach ((Parameter expected, Parameter actual) in _saved.Parameters.Zip(loaded.Parameters)) Bits.Equal(expected.Data, actual.Data, expected.Name);
        foreach ((_, Adapter adapter) in loaded.Entries)
        {
            MokaOptions options = ((MokaAdapter)adapter).Options;
            Assert.Equal(Options, options with { Shapes = Options.Shapes });
        }
    }

    [Fact]
    public void A_loaded_adapter_saves_to_the_same_bytes()
    {
        byte[] config = File.ReadAllBytes(Config), weights = File.ReadAllBytes(Weights);
        StoredAdapter loaded = AdapterFolder.Load(_folder.Path, Model, Hash);
        AdapterFolder.Save(_folder.Path, Model, loaded.Adapters, loaded.Origin);
        Assert.Equal(config, File.ReadAllBytes(Config));
        Assert.Equal(weights, File.ReadAllBytes(Weights));

        // Described anew, it is described alike.
        AdapterFolder.Save(_folder.Path, Model, loaded.Adapters, new AdapterOrigin(Base, Hash));
        Assert.Equal(config, File.ReadAllBytes(Config));
        Assert.Equal(weights, File.ReadAllBytes(Weights));
    }

    [Theory]
    [MemberData(nameof(Methods.Names), MemberType = typeof(Methods))]
    public void Of_all_maps_each_kind_is_named_and_the_word_for_all_is_read(string method)
    {
        AdapterSet all = new(Model.Projections, AdapterTargets.Parse("all"), Methods.All[method], seed: 1);
        AdapterFolder.Save(_folder.Path, Model, all, new AdapterOrigin(Base, null));
        JsonNode root = JsonNode.Parse(File.ReadAllText(Config))!;
        Assert.Equal(["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"], root["target_modules"]!.AsArray().Select(m => (string)m!));
        root["target_modules"] = new JsonArray("all");
        foreach (string? config in (string?[])[null, root.ToJsonString()])
        {
            if (config is not null) File.WriteAllText(Config, config);
            Assert.Equal(14, AdapterFolder.Load(_folder.Path, Model, null).Adapters.Entries.Count());
        }
    }

    [Theory]
    [MemberData(nameof(BadConfigs))]
    public void A_bad_description_is_named(string field, string value, string named)
    {
        JsonNode root = JsonNode.Parse(File.ReadAllText(Config))!;
        Assert.NotNull(root[field]);
        root[field] = JsonNode.Parse(value);
        File.WriteAllText(Config, root.ToJsonString());
        AssertRefused(named);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"peft_type\": \"MOKA\"}")]
    [InlineData("{\"peft_type\": \"MOKA\", \"peft_type\": \"MOKA\"}")]
    [InlineData("{\"peft_type\": \"\\ud800\"}")]
    public void A_damaged_description_is_named(string json)
    {
        File.WriteAllText(Config, json);
        AssertRefused(AdapterFolder.ConfigFile);
    }

    [Fact]
    public void A_description_without_end_is_not_read()
    {
        File.WriteAllBytes(Config, new byte[(1 << 20) + 1]);
        AssertRefused(AdapterFolder.ConfigFile);
    }

    [Theory]
    [MemberData(nameof(BadWeights))]
    public void Bad_weights_are_named(string damage, string named)
    {
        TensorFile.Edit(Weights, file =>
        {
            string a = file.Find("q_proj.moka_A.0"), gate = file.Find("moka_gate");
            switch (damage)
            {
                case "missing": file.Remove(file.Find("v_proj.moka_B.1")); break;
                case "extra": file.Add("extra\n", ElementType.F32, [1], new byte[4]); break;
                case "transposed": file.Reshape(a, 1, 32); break;
                case "flat": file.Reshape(a, 32); break;
                case "nan": file.PokeFloat(a, float.NaN); break;
                case "infinite": file.PokeFloat(gate, float.NegativeInfinity); break;
                case "gate": file.Reshape(gate, 3, 1); break;
                case "integers": file.Retype(a, ElementType.I32); break;
            }
        });
        AssertRefused(named);
    }

    [Theory]
    [InlineData(AdapterFolder.ConfigFile)]
    [InlineData(AdapterFolder.WeightsFile)]
    public void A_missing_file_is_named(string name)
    {
        File.Delete(_folder.File(name));
        AssertRefused(name);
        Directory.CreateDirectory(_folder.File(name));
        AssertRefused(name);
    }

    [Fact]
    public void A_missing_folder_is_named() => ErrorLine.Of(() => AdapterFolder.Load(_folder.File("none"), Model, Hash), _folder.File("none"));

    [Fact]
    public void A_folder_that_cannot_be_made_is_named() => ErrorLine.Of(() => AdapterFolder.Save(Path.Combine(Config, "below"), Model, _saved, new AdapterOrigin(Base, Hash)), Config);

    [Fact]
    public void An_adapter_of_a_model_of_other_sizes_is_refused()
    {
        LlamaModel other = TinyLlama.Create(TinyLlama.Config with { HiddenSize = 64 });
        ErrorLine.Of(() => AdapterFolder.Load(_folder.Path, other, Hash), Weights, "multiply");
    }

    [Property(MaxTest = 500, Arbitrary = [typeof(Mutant.Arbitraries)])]
    public void Every_mutant_is_read_or_refused(Mutant mutant, bool ofConfig)
    {
        string path = ofConfig ? Config : Weights;
        byte[] whole = File.ReadAllBytes(path);
        File.WriteAllBytes(path, mutant.Apply(whole));
        try
        {
            AdapterSet loaded = AdapterFolder.Load(_folder.Path, Model, Hash).Adapters;
            Assert.All(loaded.Parameters, p => Assert.All(p.Data.ToArray(), x => Assert.True(float.IsFinite(x))));
        }
        catch (MokaException error)
        {
            Assert.Contains(_folder.Path, ErrorLine.Judge(error), StringComparison.Ordinal);
        }
        finally
        {
            File.WriteAllBytes(path, whole);
        }
    }

    private void AssertRefused(string named) => ErrorLine.Of(() => AdapterFolder.Load(_folder.Path, Model, Hash), _folder.Path, named);
}
