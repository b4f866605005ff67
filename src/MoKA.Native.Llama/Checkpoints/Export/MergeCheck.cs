using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Quantization;

namespace MoKA.Native.Llama.Checkpoints.Export;

/// <summary>How far the logits of a merged model are from those of base and adapter.</summary>
/// <param name="Tokens">The positions that were compared.</param>
/// <param name="Largest">max |l - l'|.</param>
/// <param name="Mean">The mean of |l - l'|.</param>
/// <param name="Size">max |l|, what the differences are measured by.</param>
/// <param name="Bound">The largest share of <paramref name="Size"/> that <paramref name="Largest"/> may be; see <see cref="MergeCheck.BoundOf"/>.</param>
public readonly record struct MergeDifference(int Tokens, double Largest, double Mean, double Size, double Bound)
{
    /// <summary>The largest difference by the logits' size.</summary>
    public double Relative => Size == 0 ? Largest : Largest / Size;

    /// <summary>Whether the merged model may stand for base and adapter; never where a logit is not a number.</summary>
    public bool Holds => Relative <= Bound;
}

/// <summary>Compares a merged model with the base and the adapter it was made from.</summary>
public static class MergeCheck
{
    /// <summary>The text that is compared on unless another one is given.</summary>
    public const string UsualPrompt = "Once upon a time there was a little girl who lived near a lake. What is the capital of France? 12 + 30 = 42.";

    /// <summary>
    /// The bound for a storage: eight of its rounding steps, half a step being what one weight may move by the largest of its
    /// block (2⁻¹¹ for F16, 2⁻⁸ for BF16, 1/254 for Q8_0, 1/16 for 4 bits); for F32 1e-4, since sums are taken in another order.
    /// </summary>
    public static double BoundOf(WeightStorage storage) => storage switch
    {
        WeightStorage.F32 => 1e-4,
        WeightStorage.F16 => 8.0 / (1 << 11),
        WeightStorage.BF16 => 8.0 / (1 << 8),
        WeightStorage.Q8_0 => 8.0 / 254,
        _ => 8.0 / 16,
    };

    /// <summary>Compares every logit of a text.</summary>
    /// <param name="cpu">What both models run on.</param>
    /// <param name="adapted">The base with the adapter on it.</param>
    /// <param name="merged">The merged model.</param>
    /// <param name="tokens">The text, at most as many ids as the model has positions.</param>
    /// <param name="storage">How the merged model's linear maps are stored, which decides the bound.</param>
    /// <exception cref="MokaException">The models have different vocabularies, or there is no text.</exception>
    public static MergeDifference Compare(Cpu cpu, LlamaModel adapted, LlamaModel merged, ReadOnlyMemory<int> tokens, WeightStorage storage)
    {
        if (tokens.Length == 0) throw new MokaException("Verification: the text must have at least one token, got none; give another prompt.");
        if (adapted.Config.VocabularySize != merged.Config.VocabularySize) throw new MokaException($"Verification: both models must have the same ids, got {adapted.Config.VocabularySize} and {merged.Config.VocabularySize}.");
        float[] expected = Logits(cpu, adapted, tokens), actual = Logits(cpu, merged, tokens);
        double largest = 0, sum = 0, size = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double difference = Math.Abs((double)expected[i] - actual[i]);
            largest = Math.Max(largest, difference); // not a number once, not a number for good
            sum += difference;
            size = Math.Max(size, Math.Abs((double)expected[i]));
        }
        return new MergeDifference(tokens.Length, largest, sum / expected.Length, size, BoundOf(storage));
    }

    private static float[] Logits(Cpu cpu, LlamaModel model, ReadOnlyMemory<int> tokens)
    {
        using Tape tape = new(cpu, gradients: false);
        return model.Logits(tape, tokens, new Sequences(new[] { 0, tokens.Length })).Data.ToArray();
    }
}
