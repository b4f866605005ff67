using System.Runtime.InteropServices;
using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;

namespace MoKA.Native.Tests.Golden;

/// <summary>The golden LLaMA-3.2 with its text, and adapters for it with the logits that PyTorch computes with them on.</summary>
internal sealed class GoldenAdapter : IDisposable
{
    private readonly TempFolder _folder = new();

    public GoldenAdapter()
    {
        using GoldenFamily family = new("llama32");
        family.Publish(Base);
        Model = LlamaFolder.LoadModel(Base);
        using SafetensorsFile file = GoldenFile.Open("llama32");
        Tokens = MemoryMarshal.Cast<byte, int>(file.Bytes("batch.tokens")).ToArray();
    }

    public string Base => _folder.File("base");

    public LlamaModel Model { get; }

    public int[] Tokens { get; }

    public string File(string name) => _folder.File(name);

    /// <summary>The adapter in PEFT's files, and loaded from them.</summary>
    public StoredAdapter Load(string name)
    {
        using SafetensorsFile golden = GoldenFile.Open(name);
        SafetensorsWriter writer = new();
        foreach (TensorEntry entry in golden.Tensors.Values.Where(t => !t.Name.StartsWith("result.", StringComparison.Ordinal)))
            writer.Add(entry.Name, entry.Type, [.. entry.Dims], golden.Bytes(entry.Name).ToArray());
        Directory.CreateDirectory(File(name));
        writer.Save(Path.Combine(File(name), AdapterFolder.WeightsFile));
        System.IO.File.WriteAllText(Path.Combine(File(name), AdapterFolder.ConfigFile), golden.Metadata["adapter_config"]);
        return AdapterFolder.Load(File(name), Model, null);
    }

    /// <summary>What PyTorch computes with the adapter on.</summary>
    public static float[] Expected(string name)
    {
        using SafetensorsFile golden = GoldenFile.Open(name);
        return golden.Floats("result.logits");
    }

    /// <summary>Every logit of the text by a model.</summary>
    public float[] Logits(LlamaModel? model = null)
    {
        using Tape tape = new(Cpus.Widest, gradients: false);
        return (model ?? Model).Logits(tape, Tokens, new Sequences(new[] { 0, Tokens.Length })).Data.ToArray();
    }

    /// <summary>The largest difference to PyTorch's logits.</summary>
    public static float Distance(string name, float[] logits) => Expected(name).Zip(logits, (a, b) => Math.Abs(a - b)).Max();

    public void Dispose() => _folder.Dispose();
}
