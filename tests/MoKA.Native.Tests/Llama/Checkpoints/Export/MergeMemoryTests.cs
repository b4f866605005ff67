using System.Globalization;
using System.Runtime.InteropServices;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Llama.Checkpoints.Export;

/// <summary>Measured by the process's own memory, so nothing else may run beside it.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
public sealed class AloneCollection;

/// <summary>Merging and exporting hold about one matrix in memory, however many there are.</summary>
[Collection("alone")]
public sealed class MergeMemoryTests : IDisposable
{
    // 112 matrices of up to 1.5 million weights: 500 MB as floats, of which the largest takes 6.3 MB.
    private static readonly LlamaConfig Config = TinyLlama.Config with { VocabularySize = 400, HiddenSize = 1024, IntermediateSize = 1536, Heads = 8, KeyValueHeads = 8, HeadDim = 128, Layers = 16, LinearStorage = WeightStorage.Q4_0, TableStorage = WeightStorage.BF16 };
    private const long Matrix = 1024 * 1536 * sizeof(float);
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableTheory]
    [InlineData("hf")]
    [InlineData("gguf")]
    public void One_matrix_at_a_time(string format)
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "The process's memory is read where Linux shows it.");
        ModelSynthesizer.Write(Config, 1, _folder.File("base"), _ => { }, CancellationToken.None);
        ModelSource source = ModelSource.Open(_folder.File("base"));
        LlamaModel model = source.LoadModel();
        TinyLlama.Adapt(model, "q,down").Attach();
        GiveBack();
        long before = Resident(), peak = before;
        void Look(QuantizedTensor _) => peak = Math.Max(peak, Resident());
        if (format == "hf") new ModelMerger(source, model, WeightStorage.BF16).Write(_folder.File("out"), Look);
        else new GgufExport(source, model, WeightStorage.BF16).Write(_folder.File("out.gguf"), Look);
        // A matrix as floats and as written, a row or two, and what the runtime itself takes meanwhile.
        Assert.True(peak - before <= 4 * Matrix, $"{(peak - before) / 1e6:0} MB more");

        // What is held does show.
        GiveBack();
        before = Resident();
        Parameter[] held = [.. Enumerable.Range(0, 24).Select(i => new Parameter($"held {i}", new Shape(1024, 1536)))];
        foreach (Parameter parameter in held) parameter.Data.Fill(1);
        // The runtime may give memory of its own back meanwhile.
        Assert.True(Resident() - before >= 16 * Matrix);
        GC.KeepAlive(held);
        foreach (Parameter parameter in held) parameter.Dispose();
    }

    // What was freed earlier would be used again, unseen.
    private static void GiveBack()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        try
        {
            Trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            Skip.If(true, "This C library does not give freed memory back when asked.");
        }
    }

    [DllImport("libc", EntryPoint = "malloc_trim")]
    private static extern int Trim(nuint padding);

    /// <summary>Memory that is no file's: weights that lie in the mapped base do not count.</summary>
    private static long Resident() => 1024 * long.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith("RssAnon", StringComparison.Ordinal)).Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
