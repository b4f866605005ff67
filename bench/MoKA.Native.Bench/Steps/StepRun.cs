using System.Diagnostics;
using System.Text.Json;
using MoKA.Native.Llama;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;

namespace MoKA.Native.Bench.Steps;

/// <summary>One measurement of a whole step: the case, and the sizes.</summary>
internal sealed record StepRun(string Case, int Threads = 2, int Steps = 7, int Length = 256, int Batch = 4, int Hidden = 768, int Layers = 12, bool Recompute = false, WeightStorage Storage = WeightStorage.F32)
{
    private const int HeadDim = 64, Vocabulary = 32000;

    public int Tokens => Length * Batch;

    /// <summary>110M parameters unless other sizes are asked for: 12 layers of 768, 12 heads of 64, feed-forward 2048, vocabulary 32,000.</summary>
    public LlamaConfig Shape => new()
    {
        VocabularySize = Vocabulary, HiddenSize = Hidden, IntermediateSize = Hidden * 8 / 3 / 32 * 32, Layers = Layers, Heads = Hidden / HeadDim, KeyValueHeads = Hidden / HeadDim, HeadDim = HeadDim, MaxPositions = 4096,
    };

    /// <summary>The model, frozen maps stored as asked.</summary>
    public LlamaModel CreateModel() => new(Shape, new StoredWeights(new RandomWeights(Shape, seed: 1), Storage)) { Recompute = Recompute };

    /// <summary>Measures in a process of its own.</summary>
    public StepResult Measure()
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [typeof(StepRun).Assembly.Location, "step-run", JsonSerializer.Serialize(this)]) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return JsonSerializer.Deserialize<StepResult>(output) ?? throw new InvalidOperationException($"{this}: the process for this measurement said nothing.");
    }
}

/// <summary>What one run took.</summary>
/// <param name="Milliseconds">A step, the median.</param>
/// <param name="Gigaflop">Operations in a step, in 10⁹.</param>
/// <param name="Trainable">Trained numbers.</param>
/// <param name="PeakBytes">The process's largest resident memory.</param>
/// <param name="Collections">Garbage collections during the timed steps.</param>
internal sealed record StepResult(double Milliseconds, double Gigaflop, long Trainable, long PeakBytes, int Collections)
{
    public double Seconds => Milliseconds / 1000;
}
