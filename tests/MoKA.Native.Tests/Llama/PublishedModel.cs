using System.Runtime.InteropServices;
using System.Text.Json;
using MoKA.Native.Autograd;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;

namespace MoKA.Native.Tests.Llama;

/// <summary>Trained models that others published, with the logits that PyTorch computed; skipped where they are absent.</summary>
internal static class PublishedModel
{
    /// <summary>Every position's logits within a share of their joint norm.</summary>
    public static void AssertLogits(string folder, double tolerance)
    {
        LlamaModel model = LlamaFolder.LoadModel(Fixtures.Require($"models/hf/{folder}"));
        string name = folder.Split('-')[0];
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Require($"ref/{name}.ref.json")));
        int[] tokens = [.. reference.RootElement.GetProperty("prompt_ids").EnumerateArray().Select(id => id.GetInt32())];
        float[] expected = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Fixtures.Require($"ref/{name}.logits.f32"))).ToArray();
        using Tape tape = new(Cpus.Widest, gradients: false);
        Tensor logits = model.Logits(tape, tokens, new Sequences(new[] { 0, tokens.Length }));
        double distance = Norms.Distance(expected, logits.Data);
        Assert.True(distance <= tolerance * Norms.Of(expected), $"the logits differ by {distance / Norms.Of(expected):E2} of their norm");
    }
}
