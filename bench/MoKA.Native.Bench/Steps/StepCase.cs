using System.Diagnostics;
using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Training;

namespace MoKA.Native.Bench.Steps;

/// <summary>
/// One way to train the LLaMA of 110M shape on a frozen float base: which adapter, where, and its arithmetic. Run in a
/// process of its own, so that the peak memory is its own.
/// </summary>
internal sealed record StepCase(string Name, string Targets, Func<int, int, ulong, Adapter>? Create)
{
    public const int Batch = 4, Length = 256;
    private const int WarmUp = 3, LoraRank = 16, Side = 32;

    public static readonly LlamaConfig Shape = new()
    {
        VocabularySize = 32000, HiddenSize = 768, IntermediateSize = 2048, Layers = 12, Heads = 12, KeyValueHeads = 12, HeadDim = 64, MaxPositions = 4096,
    };

    /// <summary>The adapters that are compared; the same four filters as PyTorch's side: A 32x32, B [out / 32, in / 32].</summary>
    public static readonly StepCase[] All =
    [
        new("lora-all", "all", (o, i, place) => new Lora(o, i, LoraRank, place)),
        new("moka4-all", "all", (o, i, place) => new MokaAdapter(o, i, new MokaOptions { Shapes = [.. Enumerable.Repeat(new KroneckerShape(Side, Side, o / Side, i / Side), 4)] }, seed: 1, place)),
        new("lora-qv", "q,v", (o, i, place) => new Lora(o, i, LoraRank, place)),
        new("moka10-qv", "q,v", (o, i, place) => new MokaAdapter(o, i, new MokaOptions { Filters = 10 }, seed: 1, place)),
        new("forward", "", null),
    ];

    /// <summary>The median of some steps, and what they took.</summary>
    public StepResult Run(int threads, int steps, int length = Length, int batch = Batch)
    {
        using Cpu cpu = new(threads);
        LlamaModel model = new(Shape, new RandomWeights(Shape, seed: 1));
        model.Freeze();
        double[] milliseconds = new double[steps];
        long trainable = 0;
        int collections = 0;
        Action step = Create is null ? Forward(cpu, model, length, batch) : Training(cpu, model, length, batch, out trainable);
        for (int i = 0; i < WarmUp; i++) step();
        // The compiler's second tier comes in the background.
        Thread.Sleep(300);
        step();
        collections = GC.CollectionCount(0);
        for (int i = 0; i < steps; i++)
        {
            long start = Stopwatch.GetTimestamp();
            step();
            milliseconds[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
        collections = GC.CollectionCount(0) - collections;
        Array.Sort(milliseconds);
        return new StepResult(Name, threads, length * batch, milliseconds[steps / 2], milliseconds[0], Gigaflop(length, batch), trainable, PeakBytes(), collections);
    }

    private Action Training(Cpu cpu, LlamaModel model, int length, int batch, out long trainable)
    {
        AdapterSet adapters = new(model.Projections, AdapterTargets.Parse(Targets), (p, place) => Create!(p.Out, p.In, place));
        adapters.Attach();
        trainable = adapters.ParameterCount;
        TrainingOptions options = new() { Steps = int.MaxValue, BatchSize = batch, PeakLearningRate = 1e-5f, ClipNorm = 1 };
        Trainer trainer = new(model, adapters.Parameters, new RandomTokens(length, Shape.VocabularySize), options, cpu);
        return () => trainer.Step();
    }

    private static Action Forward(Cpu cpu, LlamaModel model, int length, int batch)
    {
        Tape tape = new(cpu, gradients: false);
        TokenBatch tokens = new();
        new RandomTokens(length, Shape.VocabularySize).FillBatch(tokens, 0, batch);
        return () =>
        {
            tape.Reset();
            model.Logits(tape, tokens.Tokens, new Sequences(tokens.SequenceStarts));
        };
    }

    /// <summary>
    /// Arithmetic of a step in 10⁹ operations, a multiply-add counting two: frozen maps forward and for the inputs'
    /// gradients, causal attention (two products forward, four back, recomputation not counted), adapters (three times
    /// their forward).
    /// </summary>
    private double Gigaflop(int length, int batch)
    {
        double tokens = (double)length * batch, backward = Create is null ? 0 : 1;
        double frozen = (Shape.Layers * (Shape.BlockParameterCount - 2.0 * Shape.HiddenSize) + (double)Shape.VocabularySize * Shape.HiddenSize) * 2 * tokens * (1 + backward);
        double attention = Shape.Layers * 2.0 * tokens * (length + 1) * Shape.QuerySize * (1 + 2 * backward);
        return (frozen + attention + 3 * tokens * AdapterOperationsPerToken()) / 1e9;
    }

    private double AdapterOperationsPerToken()
    {
        if (Create is null) return 0;
        AdapterTargets targets = AdapterTargets.Parse(Targets);
        (string Kind, int Out, int In)[] maps =
        [
            ("q", Shape.QuerySize, Shape.HiddenSize), ("k", Shape.KeyValueSize, Shape.HiddenSize), ("v", Shape.KeyValueSize, Shape.HiddenSize), ("o", Shape.HiddenSize, Shape.QuerySize),
            ("gate", Shape.IntermediateSize, Shape.HiddenSize), ("up", Shape.IntermediateSize, Shape.HiddenSize), ("down", Shape.HiddenSize, Shape.IntermediateSize),
        ];
        return Shape.Layers * maps.Where(m => targets.Contains(m.Kind)).Sum(m => Create(m.Out, m.In, 0) switch
        {
            Lora lora => 2.0 * lora.ParameterCount,
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

/// <summary>What one case took.</summary>
/// <param name="Name">The case.</param>
/// <param name="Threads">How many threads.</param>
/// <param name="Tokens">Positions in a step.</param>
/// <param name="Milliseconds">The median.</param>
/// <param name="BestMilliseconds">The fastest.</param>
/// <param name="Gigaflop">Operations in a step, in 10⁹.</param>
/// <param name="Trainable">Trained numbers.</param>
/// <param name="PeakBytes">The process's largest resident memory.</param>
/// <param name="Collections">Garbage collections during the timed steps.</param>
internal sealed record StepResult(string Name, int Threads, int Tokens, double Milliseconds, double BestMilliseconds, double Gigaflop, long Trainable, long PeakBytes, int Collections);
