using MoKA.Native.Diagnostics;
using MoKA.Native.Optim;

namespace MoKA.Native.Llama.Training;

/// <summary>What a training run does, apart from its model and its data.</summary>
public sealed record TrainingOptions
{
    /// <summary>How many steps of the optimiser.</summary>
    public long Steps { get; init; } = 200;

    /// <summary>How many examples or windows each step averages over.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>The learning rate at its highest.</summary>
    public float PeakLearningRate { get; init; } = 2e-3f;

    /// <summary>How the rate goes after the warm-up.</summary>
    public LearningRateShape Schedule { get; init; } = LearningRateShape.Cosine;

    /// <summary>The share of the steps in which the rate rises.</summary>
    public float WarmUpShare { get; init; } = 0.03f;

    /// <summary>The share of the peak that is left after the last step.</summary>
    public float FinalShare { get; init; } = 0.1f;

    /// <summary>The largest joint norm of the gradients; 0 never clips.</summary>
    public float ClipNorm { get; init; } = 1;

    /// <summary>The optimiser's constants.</summary>
    public AdamWOptions AdamW { get; init; } = new();

    /// <summary>What batches, initial adapters and dropout derive from.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>The rate of every step.</summary>
    public LearningRate LearningRate => new(Schedule, PeakLearningRate, (long)MathF.Ceiling(WarmUpShare * Steps), Steps, FinalShare);

    /// <summary>Throws one line when a value is out of range.</summary>
    public void Validate()
    {
        if (Steps < 1) throw new MokaException($"Steps: there must be at least 1, got {Steps}.");
        if (BatchSize is < 1 or > 65536) throw new MokaException($"Batch: must be 1 to 65536 examples, got {BatchSize}.");
        if (!(PeakLearningRate > 0 && float.IsFinite(PeakLearningRate))) throw new MokaException($"Learning rate: must be a positive number, got {PeakLearningRate}.");
        if (WarmUpShare is not (>= 0 and <= 1)) throw new MokaException($"Warm-up: must be a share of the steps in [0, 1], got {WarmUpShare}.");
        if (FinalShare is not (>= 0 and <= 1)) throw new MokaException($"Final learning rate: must be a share of the peak in [0, 1], got {FinalShare}.");
        if (!(ClipNorm >= 0)) throw new MokaException($"Clip: must be 0 (never) or positive, got {ClipNorm}.");
    }
}
