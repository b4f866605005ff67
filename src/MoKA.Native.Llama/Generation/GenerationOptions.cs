using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Generation;

/// <summary>How the next token is chosen, and when to stop.</summary>
public sealed record GenerationOptions
{
    /// <summary>0 takes the likeliest token; 1 samples from the model's own distribution.</summary>
    public float Temperature { get; init; }

    /// <summary>Only the k likeliest tokens may be drawn; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>Only the likeliest tokens that together reach this probability may be drawn; 1 for all.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>The most tokens to add.</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>What the draws derive from.</summary>
    public ulong Seed { get; init; }

    /// <summary>Throws one line when a value is out of range.</summary>
    public void Validate()
    {
        if (!(Temperature >= 0 && float.IsFinite(Temperature))) throw new MokaException($"Temperature: must be 0 or a positive number, got {Temperature}.");
        if (TopK < 0) throw new MokaException($"Top-k: must be 0 (all) or positive, got {TopK}.");
        if (TopP is not (> 0 and <= 1)) throw new MokaException($"Top-p: must be in (0, 1], got {TopP}.");
        if (MaxTokens < 0) throw new MokaException($"Max tokens: must not be negative, got {MaxTokens}.");
    }
}
