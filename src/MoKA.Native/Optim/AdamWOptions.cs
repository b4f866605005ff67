namespace MoKA.Native.Optim;

/// <summary>The constants of <see cref="AdamW"/>.</summary>
/// <param name="Beta1">Decay of the mean of the gradient.</param>
/// <param name="Beta2">Decay of the mean of its square.</param>
/// <param name="Epsilon">Added to the root.</param>
/// <param name="WeightDecay">λ, decoupled.</param>
/// <param name="DecayVectors">Whether norms and gates decay too, as in PyTorch's default.</param>
public sealed record AdamWOptions(float Beta1 = 0.9f, float Beta2 = 0.95f, float Epsilon = 1e-8f, float WeightDecay = 0, bool DecayVectors = false);
