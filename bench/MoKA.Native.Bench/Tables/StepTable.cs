using System.Text.Json;
using MoKA.Native.Bench.Steps;
using static MoKA.Native.Bench.Tables.Markdown;

namespace MoKA.Native.Bench.Tables;

/// <summary>Whole training steps of adapters on the frozen LLaMA of 110M shape, beside PyTorch's.</summary>
internal static class StepTable
{
    private static readonly (string Case, string Says, string[] TorchModes)[] Rows =
    [
        ("lora-all", "LoRA r = 16, all seven linear maps", ["lora"]),
        ("moka4-all", "MoKA, 4 filters, all seven", ["moka-dense", "moka-stacked", "moka-loop"]),
        ("lora-qv", "LoRA r = 16, q and v", []),
        ("moka10-qv", "MoKA, 10 filters of five shapes, q and v", []),
        ("forward", "forward alone, no gradients", ["forward"]),
    ];

    public static string Measure()
    {
        Peer peer = new();
        using Cpu cpu = new(2);
        double peak = Machine.PeakGigaflops(cpu);
        Markdown text = new("Whole training steps",
            $"LLaMA of 110M shape (12 layers, hidden 768, 12 heads, feed-forward 2048, vocabulary 32,000), float, frozen; 4 sequences of 256 tokens; loss over every token; AdamW; 2 threads; medians of 7 steps, a process for each row. Of peak: counted operations over the {Number(peak, 0)} GFLOP/s of fused multiply-adds on registers. Memory: the largest resident set of the process.",
            peer.Description);
        text.Head("step", "trained numbers", "ms", "tokens/s", "10⁹ operations", "of peak", "memory", "collections");
        Dictionary<string, StepResult> ours = Rows.ToDictionary(r => r.Case, r => new StepRun(r.Case).Measure());
        foreach ((string name, string says, _) in Rows) Row(text, says, ours[name], new StepRun(name).Tokens, peak);
        StepResult recomputed = new StepRun("moka4-all", Recompute: true).Measure();
        Row(text, "MoKA, 4 filters, all seven, blocks recomputed", recomputed, new StepRun("moka4-all").Tokens, peak);

        text.Section("MoKA over LoRA");
        text.Paragraph("How much longer a MoKA step takes than a LoRA step, beside how many more operations it has.");
        text.Head("", "time", "operations", "time over operations");
        foreach ((string moka, string lora) in ((string, string)[])[("moka4-all", "lora-all"), ("moka10-qv", "lora-qv")])
        {
            double time = ours[moka].Milliseconds / ours[lora].Milliseconds, operations = ours[moka].Gigaflop / ours[lora].Gigaflop;
            text.Row($"{moka} / {lora}", Times(time), Times(operations), Times(time / operations));
        }

        text.Section("Beside PyTorch");
        text.Paragraph("moka-dense writes the update out as a dense matrix in every step, moka-stacked and moka-loop apply the factors; all three compute the same. In bfloat16 only the frozen maps are, everything else is float32.");
        text.Head("PyTorch", "frozen maps", "ms", "memory", "we are faster by", "our memory");
        foreach ((string name, _, string[] modes) in Rows)
            foreach (string mode in modes)
                foreach (string type in mode is "lora" or "moka-dense" ? (string[])["float32", "bfloat16"] : ["float32"])
                    if (peer.Ask("step", 2, mode, type, 5) is { } torch) TorchRow(text, mode, type, torch, ours[name]);
        return text.ToString();
    }

    private static void Row(Markdown text, string says, StepResult r, int tokens, double peak) => text.Row(
        says, r.Trainable.ToString("N0", System.Globalization.CultureInfo.InvariantCulture), Number(r.Milliseconds, 0), Number(tokens / r.Seconds, 0), Number(r.Gigaflop, 0), Share(r.Gigaflop / r.Seconds / peak), Megabytes(r.PeakBytes), $"{r.Collections}");

    private static void TorchRow(Markdown text, string mode, string type, JsonElement torch, StepResult ours)
    {
        double milliseconds = torch.GetProperty("Milliseconds").GetDouble(), bytes = torch.GetProperty("PeakBytes").GetDouble();
        text.Row(mode, type, Number(milliseconds, 0), Megabytes(bytes), Times(milliseconds / ours.Milliseconds), Share(ours.PeakBytes / bytes));
    }
}
