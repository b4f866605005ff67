using MoKA.Native.Diagnostics;

namespace MoKA.Native.Optim;

/// <summary>How the learning rate goes after the warm-up.</summary>
public enum LearningRateShape
{
    /// <summary>Stays at the peak.</summary>
    Constant,

    /// <summary>Falls in a straight line.</summary>
    Linear,

    /// <summary>Falls along half a cosine.</summary>
    Cosine,
}

/// <summary>
/// A learning rate for every step: rises in a straight line over the warm-up steps, then keeps to its shape, ending at
/// <paramref name="Floor"/> times the peak after the last step.
/// </summary>
/// <param name="Shape">What follows the warm-up.</param>
/// <param name="Peak">The highest rate.</param>
/// <param name="WarmUpSteps">Steps until the peak is reached.</param>
/// <param name="TotalSteps">All steps, the warm-up included.</param>
/// <param name="Floor">The share of the peak that is left at the end.</param>
public sealed record LearningRate(LearningRateShape Shape, float Peak, long WarmUpSteps, long TotalSteps, float Floor = 0)
{
    /// <summary>Reads constant, linear or cosine.</summary>
    public static LearningRateShape ParseShape(string name) => name.ToLowerInvariant() switch
    {
        "constant" => LearningRateShape.Constant,
        "linear" => LearningRateShape.Linear,
        "cosine" => LearningRateShape.Cosine,
        _ => throw new MokaException($"Schedule: write constant, linear or cosine, got '{name}'."),
    };

    /// <summary>The rate of step 0, 1, ...</summary>
    public float At(long step)
    {
        if (step < WarmUpSteps) return Peak * (step + 1) / WarmUpSteps;
        if (Shape == LearningRateShape.Constant) return Peak;
        double progress = Math.Clamp((double)(step - WarmUpSteps) / Math.Max(1, TotalSteps - WarmUpSteps), 0, 1);
        double falling = Shape == LearningRateShape.Linear ? 1 - progress : 0.5 * (1 + Math.Cos(Math.PI * progress));
        return (float)(Peak * (Floor + (1 - Floor) * falling));
    }
}
