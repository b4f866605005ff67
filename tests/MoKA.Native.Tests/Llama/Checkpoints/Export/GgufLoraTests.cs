using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Golden;

namespace MoKA.Native.Tests.Llama.Checkpoints.Export;

/// <summary>A LoRA's GGUF file says, in its own rows, W + alpha / r B A for every adapted weight.</summary>
public sealed class GgufLoraTests : IDisposable
{
    private static readonly Dictionary<string, string> Names = new() { ["q"] = "attn_q", ["k"] = "attn_k", ["v"] = "attn_v", ["o"] = "attn_output", ["gate"] = "ffn_gate", ["up"] = "ffn_up", ["down"] = "ffn_down" };
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("lora", WeightStorage.F32)] // alpha and rank differ between modules
    [InlineData("rslora", WeightStorage.F32)]
    [InlineData("lora", WeightStorage.F16)]
    public void A_golden_LoRA(string name, WeightStorage storage)
    {
        using GoldenAdapter golden = new();
        Check(golden.Model, golden.Load(name).Adapters, storage);
    }

    [Fact]
    public void A_mixture_on_every_map_of_a_model_with_heads_of_their_own_width()
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Extended);
        Check(model, LoraExport.Convert(Cpus.Widest, TinyLlama.Adapt(model), new LoraExportOptions { Rank = 7 }), WeightStorage.F32);
        ErrorLine.Of(() => GgufLora.Write(_folder.File("no"), model, TinyLlama.Adapt(model)), "LoRA");
        ErrorLine.Of(() => GgufLora.Write(_folder.File("no"), model, LoraExport.Convert(Cpus.Widest, TinyLlama.Adapt(model), new LoraExportOptions { Rank = 7 }), WeightStorage.Q8_0), "F32", "Q8_0");
        Assert.False(File.Exists(_folder.File("no")));
    }

    private void Check(LlamaModel model, AdapterSet adapters, WeightStorage storage)
    {
        string path = _folder.File("adapter.gguf");
        GgufLora.Write(path, model, adapters, storage);
        using GgufFile file = new(path);
        Assert.Equal(("adapter", "lora", "llama"), (file.Metadata.Text("general.type"), file.Metadata.Text("adapter.type"), file.Metadata.Text("general.architecture")));
        double alpha = file.Metadata.Number("adapter.lora.alpha")!.Value;
        Assert.Equal(2 * adapters.Entries.Count(), file.Tensors.Count);
        foreach ((Projection place, Adapter adapter) in adapters.Entries)
        {
            int layer = Enumerable.Range(0, model.Config.Layers).Single(i => model.Blocks[i].Projections.Contains(place));
            string name = $"blk.{layer}.{Names[place.Kind]}.weight";
            GgufTensor a = file.Tensor(name + ".lora_a"), b = file.Tensor(name + ".lora_b");
            int rank = (int)a.Shape[0];
            Assert.Equal((long[])[rank, place.In], a.Shape.ToArray());
            Assert.Equal((long[])[place.Out, rank], b.Shape.ToArray());
            // As the reader of the file has the weight: rows of queries and keys in Meta's order.
            float[] weight = Dense(place), merged = Dense(place);
            adapter.Merge(merged);
            if (place.Kind is "q" or "k") (weight, merged) = (MetaOrder.Of(weight, place.In, model.Config.HeadDim), MetaOrder.Of(merged, place.In, model.Config.HeadDim));
            float[] left = Floats(file, b), right = Floats(file, a);
            for (int i = 0; i < place.Out; i++)
                for (int j = 0; j < place.In; j++)
                {
                    double sum = weight[i * place.In + j];
                    for (int k = 0; k < rank; k++) sum += alpha / rank * left[i * rank + k] * right[k * place.In + j];
                    Assert.Equal(merged[i * place.In + j], sum, storage == WeightStorage.F32 ? 1e-5 : 2e-3);
                }
        }
    }

    private static float[] Dense(ILinear map)
    {
        float[] weight = new float[map.Out * map.In];
        map.CopyWeight(weight);
        return weight;
    }

    private static float[] Floats(GgufFile file, GgufTensor tensor)
    {
        float[] values = new float[tensor.ElementCount];
        file.ReadMatrix(tensor.Name, (int)tensor.Shape[0], (int)tensor.Shape[1]).Dequantize(values);
        return values;
    }
}
