namespace MoKA.Native.Adapters;

/// <summary>What a gate's logits stand for, to be read; training computes its own.</summary>
internal static class GateSoftmax
{
    /// <summary>softmax(g / τ) [filters], or equal weights without a gate.</summary>
    public static float[] Weights(Parameter? gate, int filters, float temperature)
    {
        float[] weights = new float[filters];
        if (gate is null)
        {
            Array.Fill(weights, 1f / filters);
            return weights;
        }
        double max = double.NegativeInfinity, sum = 0;
        foreach (float g in gate.Data) max = Math.Max(max, g / (double)temperature);
        foreach (float g in gate.Data) sum += Math.Exp(g / (double)temperature - max);
        for (int i = 0; i < filters; i++) weights[i] = (float)(Math.Exp(gate.Data[i] / (double)temperature - max) / sum);
        return weights;
    }
}
