using MoKA.Native.Diagnostics;

namespace MoKA.Native.Adapters;

/// <summary>How a low-rank adapter is built.</summary>
public sealed record LoraOptions
{
    /// <summary>The highest rank that is accepted.</summary>
    public const int HighestRank = 1 << 16;

    /// <summary>r, the length between the two factors.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>α of the update's scale; <see cref="Rank"/> unless given, which makes the scale 1 (√r when rank-stabilised).</summary>
    public float? Alpha { get; init; }

    /// <summary>Whether the scale is α / √r instead of α / r (rsLoRA, Kalajdzievski, arXiv 2312.03732).</summary>
    public bool RankStabilized { get; init; }

    /// <summary>The probability with which an element of the adapter's input is dropped in training.</summary>
    public float Dropout { get; init; }

    /// <summary>s, the factor on the update.</summary>
    public float Scale => (Alpha ?? Rank) / (RankStabilized ? MathF.Sqrt(Rank) : Rank);

    /// <summary>Throws one line when a value is out of range.</summary>
    public void Validate()
    {
        if (Rank is < 1 or > HighestRank) throw new MokaException($"Rank: must be from 1 to {HighestRank}, got {Rank}.");
        if (Alpha is { } alpha && !(alpha > 0 && float.IsFinite(alpha))) throw new MokaException($"Alpha: must be a positive number, got {alpha}.");
        if (Dropout is not (>= 0 and < 1)) throw new MokaException($"Dropout: must be in [0, 1), got {Dropout}.");
    }
}
