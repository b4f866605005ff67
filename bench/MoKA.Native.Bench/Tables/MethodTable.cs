using System.Globalization;
using MoKA.Native.Bench.Steps;
using MoKA.Native.Quantization;
using static MoKA.Native.Bench.Tables.Markdown;

namespace MoKA.Native.Bench.Tables;

/// <summary>What every method costs beside LoRA r = 16, on a float and on a 4-bit base.</summary>
internal static class MethodTable
{
    private static readonly (string Case, string Says)[] Rows =
    [
        ("lora-all", "LoRA r = 16"),
        ("rslora-all", "rsLoRA r = 16"),
        ("dora-all", "DoRA r = 16"),
        ("lokr-all", "LoKr r = 8 (the inner factor in two)"),
        ("lokr-whole-all", "LoKr, both factors whole"),
        ("krona-all", "KronA"),
        ("mokas-all", "MoKA_s, I ⊗ M and M ⊗ I of k = 16"),
        ("moka1-all", "MoKA, 1 filter"),
        ("moka4-all", "MoKA, 4 filters"),
    ];

    public static string Measure()
    {
        Markdown text = new("What each method costs", "A training step on a frozen LLaMA of 110M shape, all seven linear maps adapted, 4 sequences of 256 tokens, 2 threads, medians of 7 steps, a process for each row. Time over operations: how much longer than LoRA, beside how many more operations the whole step has.");
        foreach (WeightStorage storage in (WeightStorage[])[WeightStorage.F32, WeightStorage.NF4Double])
        {
            text.Section(storage == WeightStorage.F32 ? "Float base" : "NF4 base, double quantisation");
            text.Head("method", "trained numbers", "ms", "of LoRA's time", "of LoRA's operations", "time over operations", "memory", "of LoRA's memory");
            StepResult? lora = null;
            foreach ((string name, string says) in Rows)
            {
                StepResult r = new StepRun(name, Storage: storage).Measure();
                lora ??= r;
                double time = r.Milliseconds / lora.Milliseconds, operations = r.Gigaflop / lora.Gigaflop;
                text.Row(says, r.Trainable.ToString("N0", CultureInfo.InvariantCulture), Number(r.Milliseconds, 0), Times(time), Times(operations), Times(time / operations), Megabytes(r.PeakBytes), Times((double)r.PeakBytes / lora.PeakBytes));
            }
        }
        return text.ToString();
    }
}
