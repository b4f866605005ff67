namespace MoKA.Native.Llama.Training;

/// <summary>What one step did.</summary>
/// <param name="Step">Counted from 1.</param>
/// <param name="Steps">How many there will be.</param>
/// <param name="Loss">Mean cross-entropy of the step's targets, in nats a token.</param>
/// <param name="LearningRate">The rate used.</param>
/// <param name="GradientNorm">The joint norm before clipping.</param>
/// <param name="Tokens">Tokens that went through the model in this step.</param>
/// <param name="Targets">Tokens whose prediction counted.</param>
/// <param name="Seconds">How long the step took.</param>
/// <param name="Elapsed">Seconds since the first step began.</param>
public readonly record struct StepReport(long Step, long Steps, float Loss, float LearningRate, float GradientNorm, int Tokens, int Targets, double Seconds, double Elapsed)
{
    /// <summary>Tokens a second in this step.</summary>
    public double TokensPerSecond => Tokens / Seconds;

    /// <summary>Seconds left at the pace so far.</summary>
    public double SecondsLeft => Elapsed / Step * (Steps - Step);
}
