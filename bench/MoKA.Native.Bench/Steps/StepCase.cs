using System.Diagnostics;
using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Bench.Steps;

/// <summary>
/// One way to train a LLaMA of 110M shape on a frozen float base: which adapter, and where. Run in a process of its own,
/// so that the peak memory is its own.
/// </summary>
internal sealed record StepCase(string Name, string Targets, Func<int, int, ulong, Adapter>? Create)
{
    private const int WarmUp = 4, LoraRank = 16, Side = 32;

    /// <summary>The adapters that are compared; the four filters are those of PyTorch's side: A 32x32, B [out / 32, in / 32].</summary>
    private static readonly StepCase[] All =
    [
        new("lora-all", "all", Lora),
        new("lora-qv", "q,v", Lora),
        new("moka10-qv", "q,v", (o, i, place) => new MokaAdapter(o, i, new MokaOptions { Filters = 10 }, seed: 1, place)),
        new("forward", "", null),
        .. from filters in (int[])[1, 2, 4, 8]
           select new StepCase($"moka{filters}-all", "all", (o, i, place) => new MokaAdapter(o, i, new MokaOptions { Shapes = [.. Enumerable.Repeat(new KroneckerShape(Side, Side, o / Side, i / Side), filters)] }, seed: 1, place)),
    ];

    // B away from zero, so that no gradient is zero.
    private static LoraAdapter Lora(int outputs, int inputs, ulong place)
    {
        LoraAdapter adapter = new(outputs, inputs, new LoraOptions { Rank = LoraRank }, seed: 1, place);
        adapter.B.FillUniform(0.01f, seed: 2, place);
        return adapter;
    }

    /// <summary>Does what the run says and measures it.</summary>
    public static StepResult Measure(StepRun run) => All.First(c => c.Name == run.Case).Run(run);

    private StepResult Run(StepRun run)
    {
        LlamaConfig shape = run.Shape;
        using Cpu cpu = new(run.Threads);
        LlamaModel model = new(shape, new RandomWeights(shape, seed: 1)) { Recompute = run.Recompute };
        model.Freeze();
        long trainable = 0;
        Action step = Create is null ? Forward(cpu, model, run) : Training(cpu, model, run, out trainable);
        for (int i = 0; i < WarmUp; i++)
        {
            step();
            // The compiler's second tier comes in the background.
            Thread.Sleep(200);
        }
        double[] milliseconds = new double[run.Steps];
        int collections = GC.CollectionCount(0);
        for (int i = 0; i < run.Steps; i++)
        {
            long start = Stopwatch.GetTimestamp();
            step();
            milliseconds[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
        collections = GC.CollectionCount(0) - collections;
        Array.Sort(milliseconds);
        return new StepResult(milliseconds[run.Steps / 2], Gigaflop(run), trainable, PeakBytes(), collections);
    }

    private Action Training(Cpu cpu, LlamaModel model, StepRun run, out long trainable)
    {
        AdapterSet adapters = new(model.Projections, AdapterTargets.Parse(Targets), (p, place) => Create!(p.Out, p.In, place));
        adapters.Attach();
        trainable = adapters.ParameterCount;
        TrainingOptions options = new() { Steps = int.MaxValue, BatchSize = run.Batch, PeakLearningRate = 1e-5f };
        Trainer trainer = new(model, adapters.Parameters, new RandomTokens(run.Length, run.Shape.VocabularySize), options, cpu);
        return () => trainer.Step();
    }

    private static Action Forward(Cpu cpu, LlamaModel model, StepRun run)
    {
        Tape tape = new(cpu, gradients: false);
        TokenBatch tokens = new();
        new RandomTokens(run.Length, run.Shape.VocabularySize).FillBatch(tokens, 0, run.Batch);
        return () =>
        {
            tape.Reset();
            model.Logits(tape, tokens.Tokens, new Sequences(tokens.SequenceStarts));
        };
    }

    /// <summary>
    /// Arithmetic of a step in 10⁹ operations, a multiply-add counting two: frozen maps forward and for the inputs'
    /// gradients, causal attention (two products forward, four back), adapters (three times their forward).
    /// Recomputation is not counted.
    /// </summary>
    private double Gigaflop(StepRun run)
    {
        LlamaConfig shape = run.Shape;
        double tokens = run.Tokens, backward = Create is null ? 0 : 1;
        double frozen = (shape.Layers * (shape.BlockParameterCount - 2.0 * shape.HiddenSize) + (double)shape.VocabularySize * shape.HiddenSize) * 2 * tokens * (1 + backward);
        double attention = shape.Layers * 2.0 * tokens * (run.Length + 1) * shape.QuerySize * (1 + 2 * backward);
        return (frozen + attention + 3 * tokens * AdapterOperationsPerToken(shape)) / 1e9;
    }

    private double AdapterOperationsPerToken(LlamaConfig shape)
    {
        if (Create is null) return 0;
        AdapterTargets targets = AdapterTargets.Parse(Targets);
        (string Kind, int Out, int In)[] maps =
        [
            ("q", shape.QuerySize, shape.HiddenSize), ("k", shape.KeyValueSize, shape.HiddenSize), ("v", shape.KeyValueSize, shape.HiddenSize), ("o", shape.HiddenSize, shape.QuerySize),
            ("gate", shape.IntermediateSize, shape.HiddenSize), ("up", shape.IntermediateSize, shape.HiddenSize), ("down", shape.HiddenSize, shape.IntermediateSize),
        ];
        return shape.Layers * maps.Where(m => targets.Contains(m.Kind)).Sum(m => Create(m.Out, m.In, 0) switch
        {
            LoraAdapter lora => 2.0 * lora.ParameterCount,
            MokaAdapter moka => moka.Shapes.Sum(s => 2.0 * Math.Min(s.CostAFirst, s.CostBFirst)),
            Adapter other => throw new NotSupportedException($"{other.GetType().Name} has no operation count here."),
        });
    }

    private static long PeakBytes()
    {
        const string file = "/proc/self/status";
        if (!File.Exists(file)) return Process.GetCurrentProcess().PeakWorkingSet64;
        string line = File.ReadLines(file).First(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], System.Globalization.CultureInfo.InvariantCulture);
    }
}
