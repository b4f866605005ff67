using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Memory;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;
using static MoKA.Native.Bench.Tables.Markdown;

namespace MoKA.Native.Bench.Tables;

/// <summary>Products with stored weights: for training beside float ones, and a model of TinyLlama's shape reading and writing text.</summary>
internal static class Int4Table
{
    private const string Shape = "tinyllama-1.1b";
    private const int PromptTokens = 512, NewTokens = 24;
    private static readonly (int Tokens, int In, int Out)[] Products = [(512, 2048, 2048), (512, 2048, 5632), (128, 2048, 2048), (128, 2048, 5632), (1, 2048, 5632)];
    private static readonly WeightStorage[] Storages = [WeightStorage.Q4_0, WeightStorage.NF4Double, WeightStorage.Q8_0, WeightStorage.BF16];

    public static string Measure()
    {
        Markdown text = new("Stored weights: products, prompts and generation",
            "Medians of 15. Forward: y = x Wᵀ; backward: dx = dy W; in per cent of the same product with float weights, all in turn. Weights are dequantised inside the product and never kept as floats.");
        Dictionary<int, double> peaks = [];
        foreach (int threads in (int[])[1, 2])
        {
            using Cpu cpu = new(threads);
            peaks[threads] = Machine.PeakGigaflops(cpu);
            text.Section($"Training products, {threads} thread{(threads > 1 ? "s" : "")}, peak {Number(peaks[threads], 0)} GFLOP/s");
            text.Head(["tokens", "in", "out", "float forward GFLOP/s", "backward", .. Storages.SelectMany(s => new[] { $"{s} forward", "backward" })]);
            foreach ((int tokens, int inputs, int outputs) in Products)
            {
                double[] seconds = TrainingSeconds(cpu, Storages, tokens, inputs, outputs);
                double flop = 2e-9 * tokens * inputs * outputs;
                text.Row([$"{tokens}", $"{inputs}", $"{outputs}", Number(flop / seconds[0]), Number(flop / seconds[1]), .. seconds.Skip(2).Select((stored, i) => Share(seconds[i % 2] / stored))]);
            }
        }
        Integers(text);
        EveryFormat(text);
        Generation(text, peaks);
        return text.ToString();
    }

    /// <summary>Seconds of y = x Wᵀ and of dx = dy W with float weights, then of both with each way to store them, measured in turn.</summary>
    public static double[] TrainingSeconds(Cpu cpu, IReadOnlyList<WeightStorage> storages, int tokens, int inputs, int outputs)
    {
        using Parameter x = GemmBench.Numbers(tokens * inputs), y = GemmBench.Numbers(tokens * outputs), w = GemmBench.Numbers(inputs * outputs);
        FrozenMatrix[] stored = [.. storages.Select(storage => Stored(storage, outputs, inputs))];
        double[] seconds = Timing.SecondsInTurn(
        [
            () => Gemm.Multiply(cpu, X(), new MatrixSpan(w.Data, outputs, inputs).Transposed, Y()),
            () => Gemm.Multiply(cpu, Y(), new MatrixSpan(w.Data, outputs, inputs), X()),
            .. stored.SelectMany(matrix => new Action[] { () => matrix.Multiply(cpu, X(), Y(), transpose: true), () => matrix.Multiply(cpu, Y(), X(), transpose: false) }),
        ]);
        foreach (FrozenMatrix matrix in stored) matrix.Dispose();
        return seconds;

        MatrixSpan X() => new(x.Data, tokens, inputs);
        MatrixSpan Y() => new(y.Data, tokens, outputs);
    }

    /// <summary>Seconds of y ≈ x Wᵀ in integers.</summary>
    public static double IntegerSeconds(Cpu cpu, WeightStorage storage, int tokens, int inputs, int outputs)
    {
        using Parameter x = GemmBench.Numbers(tokens * inputs), y = GemmBench.Numbers(tokens * outputs);
        using FrozenMatrix w = Stored(storage, outputs, inputs);
        return Timing.Seconds(() => w.MultiplyInIntegers(cpu, new MatrixSpan(x.Data, tokens, inputs), new MatrixSpan(y.Data, tokens, outputs)));
    }

    /// <summary>Seconds of y = x Wᵀ with activations as floats, and in 8 bits where a format has such products, measured in turn.</summary>
    private static double?[] BothSeconds(Cpu cpu, FrozenMatrix w, int tokens)
    {
        using Parameter x = GemmBench.Numbers(tokens * w.Columns), y = GemmBench.Numbers(tokens * w.Rows);
        Action floats = () => w.Multiply(cpu, new MatrixSpan(x.Data, tokens, w.Columns), new MatrixSpan(y.Data, tokens, w.Rows), transpose: true);
        Action integers = () => w.MultiplyInIntegers(cpu, new MatrixSpan(x.Data, tokens, w.Columns), new MatrixSpan(y.Data, tokens, w.Rows));
        double[] seconds = Timing.SecondsInTurn(w.TakesInt8 ? [floats, integers] : [floats]);
        return [seconds[0], w.TakesInt8 ? seconds[1] : null];
    }

    private static void Integers(Markdown text)
    {
        const int inputs = 2048, outputs = 5632;
        WeightStorage[] storages = [WeightStorage.Q4_0, WeightStorage.NF4Double];
        FrozenMatrix[] matrices = [.. storages.Select(storage => Stored(storage, outputs, inputs))];
        text.Section("Activations as floats and in 8 bits");
        text.Paragraph($"y = x Wᵀ with W [{outputs}, {inputs}], 10⁹ operations a second; int8 rounds x on the way in.");
        text.Head(["instructions", "threads", "tokens", .. storages.SelectMany(s => new[] { $"{s} float", "int8" })]);
        foreach (InstructionSet set in Enum.GetValues<InstructionSet>().Where(set => set > InstructionSet.Scalar && set <= InstructionSets.Widest).Reverse())
            foreach (int threads in (int[])[1, 2])
            {
                using Cpu cpu = new(threads, set);
                foreach (int tokens in (int[])[1, 4, 16, 128, 512])
                    text.Row([$"{set}", $"{threads}", $"{tokens}", .. matrices.SelectMany(w => BothSeconds(cpu, w, tokens)).Select(seconds => Number(2e-9 * tokens * inputs * outputs / seconds))]);
            }
        foreach (FrozenMatrix w in matrices) w.Dispose();
    }

    /// <summary>One token with every format, from a matrix that no cache holds, and a prompt.</summary>
    private static void EveryFormat(Markdown text)
    {
        const int inputs = 2048, outputs = 32_000, promptOutputs = 5632;
        using Cpu one = new(1), two = new(2);
        text.Section("Every format");
        text.Paragraph($"One token: y = x Wᵀ with W [{outputs}, {inputs}], 10⁹ weights a second, what a head, or a model of that many weights, takes for a token. A prompt: {PromptTokens} tokens with W [{promptOutputs}, {inputs}], 10⁹ operations a second on 2 threads.");
        text.Head("format", "bits", "one token, 1 thread, float", "GB/s", "int8", "GB/s", "2 threads, float", "GB/s", "int8", "GB/s", "prompt, float", "int8");
        foreach (BlockType type in Enum.GetValues<BlockType>()) Row(rows => Blocks(type, rows, inputs));
        foreach (WeightStorage storage in (WeightStorage[])[WeightStorage.NF4, WeightStorage.NF4Double]) Row(rows => Stored(storage, rows, inputs));

        void Row(Func<int, FrozenMatrix> create)
        {
            using FrozenMatrix w = create(outputs), forPrompt = create(promptOutputs);
            double weights = 1e-9 * outputs * inputs, bytes = 1e-9 * w.StorageBytes, operations = 2e-9 * PromptTokens * promptOutputs * inputs;
            double?[] token = [.. BothSeconds(one, w, 1), .. BothSeconds(two, w, 1)];
            text.Row([w.Format, Number(8 * bytes / weights), .. token.SelectMany(s => new[] { Number(weights / s), Number(bytes / s) }), .. BothSeconds(two, forPrompt, PromptTokens).Select(s => Number(operations / s, 0))]);
        }
    }

    private static FrozenMatrix Stored(WeightStorage storage, int rows, int columns) => RandomMatrix.Create(storage, rows, columns, 0.02f, seed: 1, stream: 1);

    /// <summary>Blocks of random bytes below 64 and with bit 2, so that every half among them is finite and a normal number, as scales are.</summary>
    private static BlockMatrix Blocks(BlockType type, int rows, int columns)
    {
        NativeBytes bytes = new(rows * type.BytesOfRow(columns));
        Span<byte> content = bytes.Writable;
        for (int i = 0; i < content.Length; i++) content[i] = (byte)(CounterRandom.Bits(1, 1, (ulong)i) & 63 | 4);
        return new BlockMatrix($"{type}", type, rows, columns, bytes);
    }

    private static void Generation(Markdown text, IReadOnlyDictionary<int, double> peaks)
    {
        string folder = Directory.CreateTempSubdirectory("moka-bench").FullName;
        try
        {
            LlamaConfig config = LlamaShapes.Find(Shape) with { LinearStorage = WeightStorage.Q4_0, TableStorage = WeightStorage.BF16 };
            ModelSynthesizer.Write(config, seed: 1, folder);
            LlamaModel model = LlamaFolder.LoadModel(folder);
            double maps = config.Layers * config.LinearMaps.Sum(m => (double)m.Outputs * m.Inputs), head = (double)config.VocabularySize * config.HiddenSize;
            double bytes = (maps * config.LinearStorage.BitsPerWeight() + head * config.TableStorage.BitsPerWeight()) / 8;
            text.Section($"A model of {Shape}'s shape, linear maps in Q4_0, token table and head in BF16");
            text.Paragraph($"Prompt: {PromptTokens} tokens at once, {Number(2e-9 * PromptTokens * maps, 0)} GOP in the linear maps. Generation: {NewTokens} tokens one by one after {PromptTokens}; {Number(bytes / 1e6, 0)} MB of weights are read for each. Memory: what as many threads read in the same minute, one after another.");
            text.Head("threads", "activations", "prompt tokens/s", "GOP/s in the maps", "of the float peak", "new tokens/s", "GB/s", "of memory");
            foreach (int threads in (int[])[1, 2])
            {
                using Cpu cpu = new(threads);
                // A peak is what the machine can do: where others use it meanwhile, the better of two is nearer.
                double peak = Math.Max(peaks[threads], Machine.PeakGigaflops(cpu));
                foreach (Activations activations in Enum.GetValues<Activations>())
                {
                    model.Activations = activations;
                    (double prompt, double token) = Seconds(model, cpu);
                    double memory = Machine.ReadGigabytes(cpu), speed = 2e-9 * PromptTokens * maps / prompt;
                    text.Row($"{threads}", $"{activations}", Number(PromptTokens / prompt), Number(speed, 0), Share(speed / peak), Number(1 / token), Number(bytes / token / 1e9), $"{Share(bytes / token / 1e9 / memory)} of {Number(memory)} GB/s");
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Seconds of a prompt and of a token after it, medians.</summary>
    public static (double Prompt, double Token) Seconds(LlamaModel model, Cpu cpu, int prompt = PromptTokens, int runs = 3, int tokens = NewTokens)
    {
        using Tape tape = new(cpu, gradients: false);
        using KvCache cache = new(model.Config, prompt + tokens);
        int[] text = [.. Enumerable.Range(0, prompt).Select(i => CounterRandom.Below(1, 1, (ulong)i, model.Config.VocabularySize))];
        double[] prompts = new double[runs], singles = new double[runs * tokens];
        // The first run is for the compiler, and for the pages of the file.
        for (int run = -1; run < runs; run++)
        {
            cache.Truncate(0);
            double seconds = Once(text);
            if (run >= 0) prompts[run] = seconds;
            for (int i = 0; i < tokens; i++)
            {
                seconds = Once([text[i % prompt]]);
                if (run >= 0) singles[run * tokens + i] = seconds;
            }
        }
        Array.Sort(prompts);
        Array.Sort(singles);
        return (prompts[runs / 2], singles[singles.Length / 2]);

        double Once(int[] next)
        {
            long start = System.Diagnostics.Stopwatch.GetTimestamp();
            tape.Reset();
            Tensor states = model.States(tape, next, new Sequences(new[] { 0, next.Length }, cache.Length), cache);
            model.Logits(tape, states, new[] { next.Length - 1 });
            return System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }
}
