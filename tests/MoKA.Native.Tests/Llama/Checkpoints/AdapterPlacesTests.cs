using System.Text.Json.Nodes;
using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Nn;

namespace MoKA.Native.Tests.Llama.Checkpoints;

/// <summary>An adapter read by its own files alone is the one read for its base, at maps of the same names, sizes and order.</summary>
public sealed class AdapterPlacesTests : IDisposable
{
    private readonly TempFolder _folder = new();

    // Twelve layers, so that the order of names is not that of layers; keys and values are narrower than queries.
    private readonly LlamaModel _model = TinyLlama.Create(TinyLlama.Config with { Layers = 12 });

    public static TheoryData<string> Kinds => new(Makers.Keys);

    private static Dictionary<string, Func<Projection, ulong, Adapter>> Makers { get; } = new()
    {
        ["mixture"] = (p, i) => new MokaAdapter(p.Out, p.In, new MokaOptions { Filters = 3, Scale = 2 }, 1, i),
        ["mixture with identities"] = (p, _) => new MokaSAdapter(p.Out, p.In, new MokaSOptions()),
        ["KronA"] = (p, i) => new KronaAdapter(p.Out, p.In, new KronaOptions(), 1, i),
        ["LoRA"] = (p, i) => new LoraAdapter(p.Out, p.In, new LoraOptions { Rank = 2 + (int)(i % 3) }, 1, i),
        ["LoKr, whole"] = (p, i) => new LokrAdapter(p.Out, p.In, new LokrOptions { Rank = 8 }, 1, i),
        ["LoKr, decomposed"] = (p, i) => new LokrAdapter(p.Out, p.In, new LokrOptions { Rank = 1, DecomposeBoth = true }, 1, i),
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_is_read_without_a_base_is_what_is_read_with_it(string kind)
    {
        Saved(Makers[kind]);
        AdapterPlaces places = AdapterPlaces.In(_folder.Path);
        StoredAdapter alone = AdapterFolder.Load(_folder.Path, places), with = AdapterFolder.Load(_folder.Path, _model, "hash");
        Assert.Equal(("base", "hash"), (alone.Origin.BaseModel, alone.Origin.BaseHash));
        Assert.Equal(with.Adapters.Targets.Kinds, alone.Adapters.Targets.Kinds);
        Assert.Equal(with.Adapters.Entries.Select(e => (e.Projection.Name, e.Projection.Kind, e.Projection.Out, e.Projection.In)), alone.Adapters.Entries.Select(e => (e.Projection.Name, e.Projection.Kind, e.Projection.Out, e.Projection.In)));
        foreach ((Parameter one, Parameter other) in with.Adapters.Parameters.Zip(alone.Adapters.Parameters)) Assert.Equal(one.Data, other.Data);
        AdapterOrigin origin = new("elsewhere", "h");
        AdapterFolder.Save(_folder.File("with"), _model, with.Adapters, origin);
        AdapterFolder.Save(_folder.File("alone"), places, alone.Adapters, origin);
        foreach (string file in (string[])[AdapterFolder.ConfigFile, AdapterFolder.WeightsFile])
            Assert.Equal(File.ReadAllBytes(Path.Combine(_folder.File("with"), file)), File.ReadAllBytes(Path.Combine(_folder.File("alone"), file)));
    }

    [Fact]
    public void What_needs_the_base_says_so()
    {
        Saved(Makers["mixture with identities"]);
        Config(root => root.Remove("map_sizes"));
        Refused("MOKA_S", "size", "give the base");
        Saved(Makers["KronA"]);
        AdapterSet alone = AdapterFolder.Load(_folder.Path, AdapterPlaces.In(_folder.Path)).Adapters;
        Projection place = alone.Entries.First().Projection;
        ErrorLine.Of(() => place.CopyWeight(new float[place.Out * place.In]), "no base was given");
        ErrorLine.Of(() => AdapterFolder.Save(_folder.File("other"), _model, alone, new AdapterOrigin("base", null)), "layers.0.q");
        Assert.False(Directory.Exists(_folder.File("other")));
    }

    [Theory]
    [InlineData("base_model.model.model.layers.0.self_attn.x_proj")]
    [InlineData("base_model.model.model.layers.00.self_attn.q_proj")]
    [InlineData("base_model.model.model.layers.0.mlp.q_proj")]
    [InlineData("base_model.model.transformer.h.0.attn.q_proj")]
    [InlineData("q_proj")]
    public void A_map_of_another_kind_of_model_is_named(string stem)
    {
        Saved(Makers["LoRA"]);
        SafetensorsWriter writer = new();
        writer.Add(stem + ".lora_A.weight", [2, 32], Draw.Normal(1, 64));
        writer.Add(stem + ".lora_B.weight", [32, 2], Draw.Normal(2, 64));
        writer.Save(Path.Combine(_folder.Path, AdapterFolder.WeightsFile));
        Refused(stem, "LLaMA");
    }

    [Fact]
    public void A_map_beyond_memory_and_a_target_that_no_model_has_are_named()
    {
        Saved(Makers["LoRA"]);
        Config(root => root["target_modules"] = new JsonArray("x_proj"));
        ErrorLine.Of(() => AdapterFolder.Load(_folder.Path, AdapterPlaces.In(_folder.Path)), "target_modules", "x");
        SafetensorsWriter writer = new();
        writer.Add("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", [1, 65536], new float[65536]);
        writer.Add("base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight", [65536, 1], new float[65536]);
        writer.Save(Path.Combine(_folder.Path, AdapterFolder.WeightsFile));
        Refused("65536");
    }

    private void Refused(params string[] naming) => ErrorLine.Of(() => AdapterPlaces.In(_folder.Path), naming);

    private void Config(Action<JsonObject> change)
    {
        string path = Path.Combine(_folder.Path, AdapterFolder.ConfigFile);
        JsonObject root = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(root);
        File.WriteAllText(path, root.ToJsonString());
    }

    private void Saved(Func<Projection, ulong, Adapter> make)
    {
        AdapterSet adapters = new(_model.Projections, AdapterTargets.Parse("q,k,down"), make);
        for (int i = 0; i < adapters.Parameters.Count; i++) adapters.Parameters[i].FillNormal(0.5f, seed: 3, (ulong)i);
        AdapterFolder.Save(_folder.Path, _model, adapters, new AdapterOrigin("base", "hash"));
    }
}
