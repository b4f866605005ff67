using System.Diagnostics;
using System.Text.Json;
using MoKA.Native.Adapters;
using MoKA.Native.Bench.Steps;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Training;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;
using static MoKA.Native.Bench.Tables.Markdown;

namespace MoKA.Native.Bench.Tables;

/// <summary>Models of 7 and 8 thousand million parameters in 4 bits: opening, a MoKA training step, generation, memory. Takes a quarter of an hour.</summary>
internal static class LargeTable
{
    private const int Tokens = 512, Steps = 2;
    private const string Train = "train", Generate = "generate", GenerateInIntegers = "generate-int8";
    private static readonly string[] Shapes = ["llama-2-7b", "llama-3-8b"];

    public static string Measure()
    {
        Markdown text = new("Large models in NF4 with double quantisation, 2 threads",
            $"Random weights of the model's shape. A step: MoKA of 10 filters on q and v, {Tokens} tokens, blocks computed again on the way back; the last of {Steps}. Floor: the operations of the frozen linear maps, forward, forward again and backward, over the measured peak. Memory: the largest resident set of the process, mapped weights included, and the estimate printed beforehand with 60 MB for the runtime. Generation: after 16 tokens; memory speed in the same minute.");
        text.Head("shape", "weights on disk", "opening", "trained numbers", "step", "floor", "step over floor", "memory", "estimate", "over memory", "new tokens/s, float", "of memory's speed", "new tokens/s, int8", "of memory's speed");
        foreach (string shape in Shapes)
        {
            string folder = Directory.CreateTempSubdirectory("moka-bench").FullName;
            try
            {
                LlamaConfig config = LlamaShapes.Find(shape) with { LinearStorage = WeightStorage.NF4Double, TableStorage = WeightStorage.BF16 };
                ModelSynthesizer.Write(config, seed: 1, folder);
                LargeResult train = InProcess(Train, folder), floats = InProcess(Generate, folder), integers = InProcess(GenerateInIntegers, folder);
                double maps = config.Layers * config.LinearMaps.Sum(m => (double)m.Outputs * m.Inputs), floor = 3 * 2e-9 * Tokens * maps / train.Peak;
                double bytes = (maps * config.LinearStorage.BitsPerWeight() + (double)config.VocabularySize * config.HiddenSize * config.TableStorage.BitsPerWeight()) / 8;
                text.Row(shape, Megabytes(new FileInfo(Path.Combine(folder, LlamaFolder.WeightsFile)).Length), $"{Number(1000 * train.Open, 0)} ms", $"{train.Trained:N0}", $"{Number(train.Seconds)} s", $"{Number(floor)} s", Times(train.Seconds / floor),
                    Megabytes(train.PeakBytes), Megabytes(train.Estimate), Times((double)train.Estimate / train.PeakBytes), Number(1 / floats.Seconds, 2), OfMemory(floats, bytes), Number(1 / integers.Seconds, 2), OfMemory(integers, bytes));
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        return text.ToString();
    }

    private static string OfMemory(LargeResult token, double bytes) => $"{Share(bytes / token.Seconds / 1e9 / token.Peak)} of {Number(token.Peak)} GB/s";

    /// <summary>One measurement in the process that was started for it.</summary>
    public static LargeResult Run(string what, string folder)
    {
        long start = Stopwatch.GetTimestamp();
        LlamaModel model = LlamaFolder.LoadModel(folder);
        double open = Stopwatch.GetElapsedTime(start).TotalSeconds;
        using Cpu cpu = new(2);
        if (what is Generate or GenerateInIntegers)
        {
            if (what == GenerateInIntegers) model.Activations = Activations.Int8;
            (_, double token) = Int4Table.Seconds(model, cpu, prompt: 16, runs: 1, tokens: 12);
            return new LargeResult(open, token, Machine.ReadGigabytes(cpu), 0, 0, 0);
        }
        AdapterTargets targets = AdapterTargets.Parse("q,v");
        MokaOptions options = new();
        AdapterSet adapters = new(model.Projections, targets, (p, place) => new MokaAdapter(p.Out, p.In, options, seed: 1, place));
        model.Recompute = true;
        adapters.Attach();
        MemoryEstimate estimate = MemoryEstimate.ForTraining(model.Config, targets, options, Tokens, Tokens, recompute: true);
        double peak = Machine.PeakGigaflops(cpu), seconds = 0;
        using Trainer trainer = new(model, adapters.Parameters, new RandomTokens(Tokens, model.Config.VocabularySize), new TrainingOptions { BatchSize = 1, Steps = Steps }, cpu);
        for (int step = 0; step < Steps; step++)
        {
            start = Stopwatch.GetTimestamp();
            trainer.Step();
            seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        return new LargeResult(open, seconds, peak, Process.GetCurrentProcess().PeakWorkingSet64, estimate.TotalBytes + 60_000_000, adapters.ParameterCount);
    }

    private static LargeResult InProcess(string what, string folder)
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [typeof(LargeTable).Assembly.Location, "large-run", what, folder]) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return JsonSerializer.Deserialize<LargeResult>(output) ?? throw new InvalidOperationException($"{what} {folder}: the process for this measurement said nothing.");
    }
}

/// <summary>What one process measured.</summary>
/// <param name="Open">Seconds to open the model.</param>
/// <param name="Seconds">A step, or a token.</param>
/// <param name="Peak">GFLOP/s of fused multiply-adds, or GB/s of memory.</param>
/// <param name="PeakBytes">The largest resident memory.</param>
/// <param name="Estimate">What was estimated beforehand.</param>
/// <param name="Trained">Trained numbers.</param>
internal sealed record LargeResult(double Open, double Seconds, double Peak, long PeakBytes, long Estimate, long Trained);
