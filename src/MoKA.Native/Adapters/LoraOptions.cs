using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Adapters;

/// <summary>How a low-rank adapter is built.</summary>
public sealed record LoraOptions : AdapterOptions
{
    /// <summary>The highest rank that is accepted.</summary>
    public const int HighestRank = 1 << 16;

    /// <summary>r, the length between the two factors.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>α of the update's scale; <see cref="Rank"/> unless given, which makes the scale 1 (√r when rank-stabilised).</summary>
    public float? Alpha { get; init; }

    /// <summary>Whether the scale is α / √r instead of α / r (rsLoRA, Kalajdzievski, arXiv 2312.03732).</summary>
    public bool RankStabilized { get; init; }

    /// <summary>Whether the length of every row is trained apart (DoRA, Liu et al., arXiv 2402.09353).</summary>
    public bool Decomposed { get; init; }

    /// <summary>How many times faster B learns than A (LoRA+, Hayou et al., arXiv 2402.12354); DoRA's lengths go with B.</summary>
    public float RateRatio { get; init; } = 1;

    /// <summary>s, the factor on the update.</summary>
    public float Scale => (Alpha ?? Rank) / (RankStabilized ? MathF.Sqrt(Rank) : Rank);

    /// <inheritdoc/>
    public override string Method => Decomposed ? "DoRA" : RankStabilized ? "rsLoRA" : "LoRA";

    /// <inheritdoc/>
    public override Adapter Create(ILinear frozen, ulong seed, ulong stream) =>
        Decomposed ? new DoraAdapter(frozen, this, seed, stream) : new LoraAdapter(frozen.Out, frozen.In, this, seed, stream);

    /// <inheritdoc/>
    public override long ParametersFor(int outputs, int inputs) => (long)Rank * (outputs + inputs) + (Decomposed ? outputs : 0);

    /// <summary>A row of A and one of B are multiplied once each, a length of DoRA once; DoRA also multiplies A with the weight, once a step.</summary>
    public override long CostFor(int outputs, int inputs) => ParametersFor(outputs, inputs);

    /// <inheritdoc/>
    public override double KeptPerToken(int outputs, int inputs) => base.KeptPerToken(outputs, inputs) + Rank * (Scale == 1 ? 1 : 2);

    /// <inheritdoc/>
    public override string Brief => FormattableString.Invariant($"r = {Rank}");

    /// <inheritdoc/>
    public override string Describe() => FormattableString.Invariant($"rank {Rank}, scale {Scale:0.######}{(RankStabilized && Decomposed ? ", rank-stabilised" : "")}{(RateRatio != 1 ? $", B learns {RateRatio:0.######} times faster" : "")}{DropoutText}");

    /// <inheritdoc/>
    protected override void ValidateSettings()
    {
        ValidateRank(Rank, Alpha);
        if (!(RateRatio > 0 && float.IsFinite(RateRatio))) throw new MokaException($"Rate ratio: must be a positive number, got {RateRatio}.");
        ValidateDropout();
    }
}
