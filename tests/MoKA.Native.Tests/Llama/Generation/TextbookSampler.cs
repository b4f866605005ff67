using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Generation;

namespace MoKA.Native.Tests.Llama.Generation;

/// <summary>The sampler as one writes it down: everything sorted, every weight computed, one cut after another.</summary>
internal static class TextbookSampler
{
    public static int Next(GenerationOptions options, float[] logits, int draw, int[] text)
    {
        float[] penalised = [.. logits];
        int window = options.RepetitionWindow == 0 ? text.Length : options.RepetitionWindow;
        if (options.RepetitionPenalty != 1)
            foreach (int id in text.TakeLast(window).Distinct())
                penalised[id] = penalised[id] > 0 ? penalised[id] / options.RepetitionPenalty : penalised[id] * options.RepetitionPenalty;
        int[] order = [.. Enumerable.Range(0, logits.Length).OrderByDescending(id => penalised[id]).ThenBy(id => id)];
        if (options.Temperature == 0) return order[0];
        if (options.TopK > 0) order = [.. order.Take(options.TopK)];
        double[] weights = [.. order.Select(id => Math.Exp(((double)penalised[id] - penalised[order[0]]) / options.Temperature))];
        if (options.TopP < 1)
        {
            double all = weights.Sum(), sum = 0;
            int count = 0;
            while (count < weights.Length && sum < options.TopP * all) sum += weights[count++];
            weights = weights[..count];
        }
        weights = [.. weights.Where(weight => weight >= options.MinP)];
        double target = CounterRandom.Uniform(options.Seed, 0, (ulong)draw) * weights.Sum();
        for (int i = 0; i < weights.Length; i++)
        {
            target -= weights[i];
            if (target < 0) return order[i];
        }
        return order[weights.Length - 1];
    }
}
