using System.Diagnostics;
using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Bench.Steps;

/// <summary>
/// One way to train a LLaMA of 110M shape on a frozen base: which adapter, and where. Run in a process of its own, so that
/// the peak memory is its own.
/// </summary>
internal sealed record StepCase(string Name, string Targets, Func<int, int, AdapterOptions>? Options)
{
    private const int WarmUp = 4, LoraRank = 16, Side = 32;

    /// <summary>The adapters that are compared; the four filters are those of PyTorch's side: A 32x32, B [out / 32, in / 32].</summary>
    private static readonly StepCase[] All =
    [
        new("lora-all", "all", (_, _) => new LoraOptions { Rank = LoraRank }),
        new("rslora-all", "all", (_, _) => new LoraOptions { Rank = LoraRank, RankStabilized = true }),
        new("dora-all", "all", (_, _) => new LoraOptions { Rank = LoraRank, Decomposed = true }),
        new("lokr-all", "all", (_, _) => new LokrOptions()),
        new("lokr-whole-all", "all", (_, _) => new LokrOptions { Rank = 128 }),
        new("krona-all", "all", (_, _) => new KronaOptions()),
        new("mokas-all", "all", (_, _) => new MokaSOptions()),
        new("lora-qv", "q,v", (_, _) => new LoraOptions { Rank = LoraRank }),
        new("moka10-qv", "q,v", (_, _) => new MokaOptions { Filters = 10 }),
        new("forward", "", null),
        .. from filters in (int[])[1, 2, 4, 8]
           select new StepCase($"moka{filters}-all", "all", (o, i) => new MokaOptions { Shapes = [.. Enumerable.Repeat(new KroneckerShape(Side, Side, o / Side, i / Side), filters)] }),
    ];

    /// <summary>Does what the run says and measures it.</summary>
    public static StepResult Measure(StepRun run) => All.First(c => c.Name == run.Case).Run(run);

    private StepResult Run(StepRun run)
    {
        LlamaConfig shape = run.Shape;
        using Cpu cpu = new(run.Threads);
        LlamaModel model = run.CreateModel();
        model.Freeze();
        long trainable = 0;
        Action step = Options is null ? Forward(cpu, model, run) : Training(cpu, model, run, out trainable);
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
        AdapterSet adapters = new(model.Projections, AdapterTargets.Parse(Targets), (p, place) => Options!(p.Out, p.In).Create(p.Current, seed: 1, place));
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
    /// gradients, causal attention (two products forward, four back), adapters (three times their forward), and for DoRA
    /// the maps' products with its A.
    /// Recomputation is not counted.
    /// </summary>
    private double Gigaflop(StepRun run)
    {
        LlamaConfig shape = run.Shape;
        double tokens = run.Tokens, backward = Options is null ? 0 : 1;
        double frozen = (shape.Layers * (shape.BlockParameterCount - 2.0 * shape.HiddenSize) + (double)shape.VocabularySize * shape.HiddenSize) * 2 * tokens * (1 + backward);
        double attention = shape.Layers * 2.0 * tokens * (run.Length + 1) * shape.QuerySize * (1 + 2 * backward);
        return (frozen + attention + Maps(shape).Sum(m => AdapterOperations(Options!(m.Out, m.In), m.Out, m.In, tokens))) / 1e9;
    }

    /// <summary>Every adapted map of the model.</summary>
    private IEnumerable<(int Out, int In)> Maps(LlamaConfig shape)
    {
        if (Options is null) return [];
        AdapterTargets targets = AdapterTargets.Parse(Targets);
        return from layer in Enumerable.Range(0, shape.Layers) from map in shape.LinearMaps where targets.Contains(map.Kind) select (map.Outputs, map.Inputs);
    }

    private static double AdapterOperations(AdapterOptions options, int outputs, int inputs, double tokens)
    {
        double perToken = options switch
        {
            LoraOptions lora => 2.0 * lora.Rank * (outputs + inputs),
            MokaOptions moka => moka.ShapesFor(outputs, inputs).Sum(Kronecker),
            MokaSOptions mokaS => mokaS.ShapesFor(outputs, inputs).Sum(s => 2.0 * s.Repeats * s.Parameters),
            KronaOptions krona => Kronecker(krona.ShapeFor(outputs, inputs)),
            LokrOptions lokr => Lokr(lokr, lokr.ShapeFor(outputs, inputs)),
            _ => throw new NotSupportedException($"{options.Method} has no operation count here."),
        };
        return 3 * tokens * perToken + (options is LoraOptions { Decomposed: true } dora ? 2.0 * dora.Rank * outputs * inputs : 0);
    }

    private static double Kronecker(KroneckerShape s) => 2.0 * Math.Min(s.CostAFirst, s.CostBFirst);

    // A decomposed second factor is applied half by half.
    private static double Lokr(LokrOptions options, KroneckerShape s) => options.DecomposesInner(s)
        ? 2.0 * s.ColumnsA * options.Rank * s.ColumnsB + Kronecker(s with { ColumnsB = options.Rank })
        : Kronecker(s);

    private static long PeakBytes()
    {
        const string file = "/proc/self/status";
        if (!File.Exists(file)) return Process.GetCurrentProcess().PeakWorkingSet64;
        string line = File.ReadLines(file).First(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], System.Globalization.CultureInfo.InvariantCulture);
    }
}
