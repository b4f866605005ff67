using System.Globalization;
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
        GC.Collect();
        long before = Resident(), peak = before;
        void Look(QuantizedTensor _) => peak = Math.Max(peak, Resident());
        if (format == "hf") new ModelMerger(source, model, WeightStorage.BF16).Write(_folder.File("out"), Look);
        else new GgufExport(source, model, WeightStorage.BF16).Write(_folder.File("out.gguf"), Look);
        // A matrix as floats and as written, a row or two, and what the runtime itself takes meanwhile.
        Assert.InRange(peak - before, Matrix / 2, 4 * Matrix);
    }

    /// <summary>Memory that is no file's: weights that lie in the mapped base do not count.</summary>
    private static long Resident() => 1024 * long.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith("RssAnon", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2].Replace("RssAnon:", ""), CultureInfo.InvariantCulture);
}
