using System.Runtime.InteropServices;
using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Generation;

namespace MoKA.Native.Tests.Golden;

/// <summary>A small random model of one LLaMA generation, with what PyTorch computes from it.</summary>
internal sealed class GoldenFamily : IDisposable
{
    private readonly SafetensorsFile _file;

    public GoldenFamily(string name) => _file = GoldenFile.Open(name);

    public static TheoryData<string> Names => ["llama2", "llama3", "llama32", "relative"];

    /// <summary>Writes the model as its authors would have published it.</summary>
    public void Publish(string folder)
    {
        SafetensorsWriter writer = new();
        foreach (TensorEntry entry in _file.Tensors.Values.Where(t => t.Name.StartsWith("model.", StringComparison.Ordinal) || t.Name.StartsWith("lm_head", StringComparison.Ordinal)))
            writer.Add(entry.Name, entry.Type, [.. entry.Dims], _file.Bytes(entry.Name).ToArray());
        Directory.CreateDirectory(folder);
        writer.Save(Path.Combine(folder, LlamaFolder.WeightsFile));
        File.WriteAllText(Path.Combine(folder, LlamaFolder.ConfigFile), _file.Metadata["config"]);
    }

    /// <summary>Every logit of the text, and the greedy continuation, are PyTorch's.</summary>
    public void AssertComputedBy(LlamaModel model)
    {
        int[] tokens = Integers("batch.tokens"), greedy = Integers("result.greedy");
        using Tape tape = new(Cpus.Widest, gradients: false);
        float[] logits = model.Logits(tape, tokens, new Sequences(new[] { 0, tokens.Length })).Data.ToArray(), expected = _file.Floats("result.logits");
        Assert.Equal(expected.Length, logits.Length);
        float largest = expected.Zip(logits, (a, b) => Math.Abs(a - b)).Max();
        Assert.True(largest <= 1e-4f, $"a logit differs by {largest}");
        Assert.True(Norms.Distance([.. expected.Select(x => (double)x)], logits) <= 1e-5 * Norms.Of([.. expected.Select(x => (double)x)]));

        using Generator generator = new(model, Cpus.Widest);
        // The goldens go on whatever they meet; a token that ends a text would end it here.
        int[] going = [.. generator.Tokens(greedy[..5], new GenerationOptions { MaxTokens = greedy.Length - 5 })];
        Assert.Equal(greedy[5..].TakeWhile(id => !model.Config.EosTokenIds.Contains(id)), going);
    }

    public void Dispose() => _file.Dispose();

    private int[] Integers(string name) => MemoryMarshal.Cast<byte, int>(_file.Bytes(name)).ToArray();
}
