using System.Text.Json;
using MoKA.Native.Bench.Steps;
using MoKA.Native.Bench.Tables;
using MoKA.Native.Quantization;

namespace MoKA.Native.Bench;

/// <summary>The main ratios in a minute: one number for each stable key, null where there is no peer.</summary>
internal static class Quick
{
    // Enough to be a model, few enough to be quick.
    private const int Layers = 2;

    public static Dictionary<string, double?> Measure()
    {
        Peer peer = new();
        Dictionary<string, double?> ratios = [];
        using (Cpu one = new(1), two = new(2))
        {
            double peak1 = ratios.Keep("peak_gflops_1t", Machine.PeakGigaflops(one)), peak2 = ratios.Keep("peak_gflops_2t", Machine.PeakGigaflops(two));
            (double plain1, _, _) = GemmTable.Gigaflops(one, 1024, 1024, 1024);
            (_, double transposed2, double? int4) = GemmTable.Gigaflops(two, 512, 2048, 2048);
            ratios["gemm_1024_1t_of_peak"] = plain1 / peak1;
            ratios["gemm_512x2048x2048_2t_of_peak"] = transposed2 / peak2;
            ratios["gemm_512x2048x2048_2t_over_torch"] = transposed2 / peer.Ask("gemm", 2, "float32", 512, 2048, 2048, "transposed")?.GetProperty("Gigaflops").GetDouble();
            ratios["int4_gemm_over_float"] = int4 / transposed2;
            double[] training = Int4Table.TrainingSeconds(two, [WeightStorage.NF4Double], 128, 2048, 2048);
            ratios["nf4_128_forward_over_float"] = training[0] / training[2];
            ratios["nf4_128_backward_over_float"] = training[1] / training[3];
            ratios["int8_prompt_2t_of_float_peak"] = 2e-9 * 512 * 2048 * 5632 / Int4Table.IntegerSeconds(two, WeightStorage.Q4_0, 512, 2048, 5632) / peak2;
            double memory = Machine.ReadGigabytes(two);
            foreach ((string key, WeightStorage storage) in new[] { ("int8_token_2t_of_memory", WeightStorage.Q4_0), ("int8_nf4_token_2t_of_memory", WeightStorage.NF4Double) })
                ratios[key] = 4096.0 * 65536 * storage.BitsPerWeight() / 8 / 1e9 / Int4Table.IntegerSeconds(two, storage, 1, 4096, 65536) / memory;
            KroneckerShape filter = new(64, 64, 64, 64);
            ratios["kronecker_256_tokens_over_floor"] = KroneckerTable.Seconds(two, 256, filter) / (2.0 * 256 * filter.CostAFirst / peak2 / 1e9);
            (double forward, double backward, _) = AttentionTable.Seconds(two, 1024);
            JsonElement? attention = peer.Ask("attention", 2, 1024, 12, 64);
            ratios["attention_1024_over_torch"] = (attention?.GetProperty("ForwardMilliseconds").GetDouble() + attention?.GetProperty("BackwardMilliseconds").GetDouble()) / 1000 / (forward + backward);
        }
        StepResult lora = new StepRun("lora-all", Steps: 3, Layers: Layers).Measure(), moka = new StepRun("moka4-all", Steps: 3, Layers: Layers).Measure();
        ratios["moka_step_of_peak"] = moka.Gigaflop / moka.Seconds / ratios["peak_gflops_2t"];
        ratios["moka_over_lora_time_over_operations"] = moka.Milliseconds / lora.Milliseconds / (moka.Gigaflop / lora.Gigaflop);
        ratios["moka_step_2t_over_1t"] = new StepRun("moka4-all", Threads: 1, Steps: 3, Layers: Layers).Measure().Milliseconds / moka.Milliseconds;
        return ratios;
    }

    private static double Keep(this Dictionary<string, double?> ratios, string key, double value)
    {
        ratios[key] = value;
        return value;
    }
}
