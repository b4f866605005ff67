using System.Diagnostics;
using System.Text.Json;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using static MoKA.Native.Bench.Tables.Markdown;

namespace MoKA.Native.Bench.Tables;

/// <summary>Causal attention, forward and back, as the sequence grows.</summary>
internal static class AttentionTable
{
    private const int Heads = 12, HeadDim = 64, Runs = 9;

    public static string Measure()
    {
        Peer peer = new();
        using Cpu cpu = new(2);
        double peak = Machine.PeakGigaflops(cpu);
        Markdown text = new("Causal attention",
            $"One sequence, {Heads} heads of {HeadDim}, 2 threads, float; medians of {Runs}. Of peak: forward's two products and the way back's four, causal halves only, over the {Number(peak, 0)} GFLOP/s of fused multiply-adds on registers; scores that are computed again are not counted. Memory: what the tape held, q, k, v and their gradients included. PyTorch: scaled_dot_product_attention(is_causal).",
            peer.Description);
        text.Head("tokens", "forward ms", "of peak", "backward ms", "of peak", "memory", "PyTorch forward ms", "backward ms", "we are, forward", "backward", "both");
        foreach (int tokens in (int[])[256, 512, 1024, 2048, 4096])
        {
            (double forward, double backward, long bytes) = Seconds(cpu, tokens);
            JsonElement? torch = peer.Ask("attention", 2, tokens, Heads, HeadDim);
            double? torchForward = torch?.GetProperty("ForwardMilliseconds").GetDouble() / 1000, torchBackward = torch?.GetProperty("BackwardMilliseconds").GetDouble() / 1000;
            double gigaflop = 2.0 * tokens * (tokens + 1) * Heads * HeadDim / 1e9;
            text.Row($"{tokens}", Number(1000 * forward), Share(gigaflop / forward / peak), Number(1000 * backward), Share(2 * gigaflop / backward / peak), Megabytes(bytes),
                Number(1000 * torchForward), Number(1000 * torchBackward), Times(torchForward / forward), Times(torchBackward / backward), Times((torchForward + torchBackward) / (forward + backward)));
        }
        return text.ToString();
    }

    /// <summary>Medians of the two ways, and the tape's memory.</summary>
    public static (double Forward, double Backward, long Bytes) Seconds(Cpu cpu, int tokens)
    {
        Parameter[] inputs = [.. Enumerable.Range(0, 3).Select(i => new Parameter("x", new Shape(tokens, Heads * HeadDim)))];
        for (int i = 0; i < inputs.Length; i++) inputs[i].FillNormal(1, seed: 1, (ulong)i);
        Sequences sequences = new(new[] { 0, tokens });
        using Tape tape = new(cpu);
        List<double> forward = [], backward = [];
        for (int run = -Warm(tokens); run < Runs; run++)
        {
            if (run == 0) Thread.Sleep(300); // the compiler's second tier comes in the background
            tape.Reset();
            long start = Stopwatch.GetTimestamp();
            Tensor y = Op.Attention(tape, inputs[0], inputs[1], inputs[2], Heads, Heads, sequences);
            double first = Stopwatch.GetElapsedTime(start).TotalSeconds;
            y.Gradient.Fill(1);
            start = Stopwatch.GetTimestamp();
            tape.PassGradientsOn();
            if (run < 0) continue;
            forward.Add(first);
            backward.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        forward.Sort();
        backward.Sort();
        return (forward[Runs / 2], backward[Runs / 2], tape.PeakBytes + 2L * sizeof(float) * 3 * inputs[0].Shape.Count);
    }

    private static int Warm(int tokens) => Math.Max(4, 16384 / tokens);
}
