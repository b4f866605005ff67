using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Nn;

namespace MoKA.Native.Tests.Llama.Checkpoints.Export;

/// <summary>mlx-lm's LoRA: ΔW = scale (a b)ᵀ, also as PEFT's folder.</summary>
public sealed class MlxLoraTests : IDisposable
{
    private const int Rank = 3;
    private readonly TempFolder _folder = new();
    private readonly LlamaModel _model = TinyLlama.Create(TinyLlama.Config);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Its_update_is_the_scaled_product_and_stays_so_as_PEFTs_folder()
    {
        Write("self_attn.q_proj", "mlp.down_proj");
        Describe("""{"fine_tune_type": "lora", "num_layers": 2, "lora_parameters": {"rank": 3, "scale": 20.0, "dropout": 0.0}}""");
        Assert.True(MlxLora.IsFolder(_folder.Path));
        AdapterSet adapters = MlxLora.Read(_folder.Path, _model);
        AdapterFolder.Save(_folder.File("peft"), _model, adapters, new AdapterOrigin("base", null));
        Assert.False(MlxLora.IsFolder(_folder.File("peft")));
        AdapterSet again = AdapterFolder.Load(_folder.File("peft"), _model, null).Adapters;
        using SafetensorsFile file = new(_folder.File(MlxLora.WeightsFile));
        Assert.Equal(["q", "down", "q", "down"], again.Entries.Select(e => e.Projection.Kind));
        foreach ((int i, (Projection place, Adapter adapter)) in again.Entries.Index())
        {
            string stem = $"model.layers.{i / 2}.{(place.Kind == "q" ? "self_attn.q_proj" : "mlp.down_proj")}";
            float[] a = Floats(file, stem + ".lora_a"), b = Floats(file, stem + ".lora_b"), update = new float[place.Out * place.In];
            adapter.Merge(update);
            for (int o = 0; o < place.Out; o++)
                for (int n = 0; n < place.In; n++)
                    Assert.Equal(20 * Enumerable.Range(0, Rank).Sum(k => (double)a[n * Rank + k] * b[k * place.Out + o]), update[o * place.In + n], 1e-4);
        }
    }

    [Fact]
    public void A_file_alone_needs_its_scale_and_a_wrong_one_is_named()
    {
        Write("self_attn.q_proj");
        string file = _folder.File(MlxLora.WeightsFile);
        ErrorLine.Of(() => MlxLora.Read(file, _model), "scale", "20");
        Assert.Equal(4, ((LoraAdapter)MlxLora.Read(file, _model, 4).Entries.First().Adapter).Options.Scale);
        ErrorLine.Of(() => MlxLora.Read(file, _model, -1), "positive");
        Describe("""{"fine_tune_type": "dora", "lora_parameters": {"scale": 1}}""");
        ErrorLine.Of(() => MlxLora.Read(_folder.Path, _model), "fine_tune_type", "dora");
        Describe("""{"fine_tune_type": "lora"}""");
        ErrorLine.Of(() => MlxLora.Read(_folder.Path, _model), "lora_parameters");
        Describe("""{"lora_parameters": [1]}""");
        ErrorLine.Of(() => MlxLora.Read(_folder.Path, _model), "lora_parameters", "object");
        ErrorLine.Of(() => MlxLora.Read(file, TinyLlama.Create(TinyLlama.Config with { HiddenSize = 64 }), 1), "[32, 64]");
        ErrorLine.Of(() => MlxLora.Read(file, TinyLlama.Create(TinyLlama.Config with { Layers = 1 }), 1), "layers.1");
    }

    [Fact]
    public void A_tensor_without_its_other_half_or_of_another_kind_is_named()
    {
        foreach ((string name, string named) in new[] { ("model.layers.0.self_attn.k_proj.lora_a", "lora_b"), ("model.layers.0.self_attn.k_proj.lora_b", "lora_a"), ("model.layers.0.self_attn.q_proj.m", "q_proj.m") })
        {
            SafetensorsWriter writer = new();
            Add(writer, 0, "self_attn.q_proj", 32, 32);
            writer.Add(name, [32, Rank], new float[32 * Rank]);
            writer.Save(_folder.File("odd.safetensors"));
            ErrorLine.Of(() => MlxLora.Read(_folder.File("odd.safetensors"), _model, 1), named);
        }
        SafetensorsWriter empty = new();
        empty.Save(_folder.File("empty.safetensors"));
        ErrorLine.Of(() => MlxLora.Read(_folder.File("empty.safetensors"), _model, 1), "at least one");
    }

    [SkippableFact]
    public void The_published_file_is_read()
    {
        IReadOnlyList<(string Module, LowRankProduct Product)> modules = MlxLora.Modules(Fixtures.Require("adapters/mlxlm_dpo_adapters.safetensors"));
        Assert.Equal(4, modules.Count);
        Assert.Equal((896, 896, 8), (modules[0].Product.Outputs, modules[0].Product.Inputs, modules[0].Product.Rank));
        Assert.Equal(("model.layers.22.self_attn.v_proj", 128, 896), (modules[1].Module, modules[1].Product.Outputs, modules[1].Product.Inputs));
        using SafetensorsFile file = new(Fixtures.Require("adapters/mlxlm_dpo_adapters.safetensors"));
        float[] a = Floats(file, "model.layers.22.self_attn.v_proj.lora_a"), b = Floats(file, "model.layers.22.self_attn.v_proj.lora_b");
        Assert.Contains(a, x => x != 0);
        Assert.Equal((a[5 * 8 + 3], b[3 * 128 + 7]), (modules[1].Product.A[3 * 896 + 5], modules[1].Product.B[7 * 8 + 3]));
    }

    private void Write(params string[] modules)
    {
        SafetensorsWriter writer = new();
        for (int layer = 0; layer < 2; layer++)
            foreach (string module in modules) Add(writer, layer, module, module.Contains("down", StringComparison.Ordinal) ? 64 : 32, 32);
        writer.Save(_folder.File(MlxLora.WeightsFile));
    }

    private static void Add(SafetensorsWriter writer, int layer, string module, int inputs, int outputs)
    {
        writer.Add($"model.layers.{layer}.{module}.lora_a", [inputs, Rank], Draw.Normal((ulong)(layer + inputs), inputs * Rank));
        writer.Add($"model.layers.{layer}.{module}.lora_b", [Rank, outputs], Draw.Normal((ulong)(layer + 7 * inputs), outputs * Rank));
    }

    private void Describe(string json) => File.WriteAllText(_folder.File(AdapterFolder.ConfigFile), json);

    private static float[] Floats(SafetensorsFile file, string name)
    {
        float[] values = new float[file.Entry(name).ElementCount];
        file.ReadFloats(name, values);
        return values;
    }
}
