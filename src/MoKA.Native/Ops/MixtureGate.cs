using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Ops;

/// <summary>
/// The gate that mixtures share: α = softmax(g / τ), or α_i = 1 without one. With the gradients dα of the weights,
/// dg_j = (α_j / τ) (dα_j - Σ_k α_k dα_k).
/// </summary>
internal static class MixtureGate
{
    /// <summary>Throws one line when the gate does not fit so many filters.</summary>
    public static void Require(string op, int filters, Tensor? gate, float temperature)
    {
        if (gate is not null) Check.Shape(op, "gate", gate, new Shape(filters), "filters", new Shape(filters));
        if (!(temperature > 0)) throw new ArgumentException($"{op}: the temperature must be positive, got {temperature}.");
    }

    /// <summary>α [filters].</summary>
    public static void Weights(Tensor? gate, float temperature, Span<float> weights, InstructionSet set)
    {
        weights.Fill(1);
        if (gate is null) return;
        gate.Data.CopyTo(weights);
        (_, float sum) = Softmax.ExponentialsInPlace(set, weights, 1 / temperature);
        foreach (ref float weight in weights) weight /= sum;
    }

    /// <summary>Adds dg where a gate asks for it.</summary>
    public static void Backward(Tensor? gate, float temperature, ReadOnlySpan<float> weights, ReadOnlySpan<float> weightGradients)
    {
        if (gate is not { RequiresGradient: true }) return;
        Span<float> gradient = gate.Gradient;
        double mean = 0;
        for (int k = 0; k < weights.Length; k++) mean += (double)weights[k] * weightGradients[k];
        for (int j = 0; j < weights.Length; j++) gradient[j] += (float)(weights[j] / (double)temperature * (weightGradients[j] - mean));
    }
}
