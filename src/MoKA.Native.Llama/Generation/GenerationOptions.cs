using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Generation;

/// <summary>
/// How the next token is chosen, and when to stop. What narrows the choice acts in this order: repetition penalty,
/// temperature, top-k, top-p, min-p.
/// </summary>
/// <remarks>Two records with equal but separate lists compare as different.</remarks>
public sealed record GenerationOptions
{
    /// <summary>0 takes the likeliest token; 1 samples from the model's own distribution.</summary>
    public float Temperature { get; init; }

    /// <summary>Only the k likeliest tokens may be drawn; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>Only the likeliest tokens that together reach this probability may be drawn; 1 for all.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Only tokens with at least this share of the likeliest token's probability may be drawn; 0 for all.</summary>
    public float MinP { get; init; }

    /// <summary>
    /// Above 1 makes tokens that the text already has less likely: their positive logits are divided by it and their
    /// negative ones multiplied (Keskar et al., arXiv 1909.05858). 1 for none.
    /// </summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>How many of the last tokens, the prompt's included, the penalty looks at; 0 for the whole text.</summary>
    public int RepetitionWindow { get; init; } = 64;

    /// <summary>The most tokens to add.</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>Texts that end the text; none of them is shown.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>Ids that end the text, besides the model's own.</summary>
    public IReadOnlyList<int> StopTokens { get; init; } = [];

    /// <summary>What the draws derive from.</summary>
    public ulong Seed { get; init; }

    /// <summary>Throws one line when a value is out of range.</summary>
    public void Validate()
    {
        if (!(Temperature >= 0 && float.IsFinite(Temperature))) throw new MokaException($"Temperature: must be 0 or a positive number, got {Temperature}.");
        if (TopK < 0) throw new MokaException($"Top-k: must be 0 (all) or positive, got {TopK}.");
        if (TopP is not (> 0 and <= 1)) throw new MokaException($"Top-p: must be in (0, 1], got {TopP}.");
        if (MinP is not (>= 0 and <= 1)) throw new MokaException($"Min-p: must be in [0, 1], got {MinP}.");
        if (!(RepetitionPenalty > 0 && float.IsFinite(RepetitionPenalty))) throw new MokaException($"Repetition penalty: must be a positive number, 1 for none, got {RepetitionPenalty}.");
        if (RepetitionWindow < 0) throw new MokaException($"Repetition window: must be 0 (the whole text) or positive, got {RepetitionWindow}.");
        if (MaxTokens < 0) throw new MokaException($"Max tokens: must not be negative, got {MaxTokens}.");
        if (StopStrings.Any(string.IsNullOrEmpty)) throw new MokaException("Stop strings: each must have at least one character, got an empty one; leave it out.");
    }
}
