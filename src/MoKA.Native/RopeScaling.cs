using System.Collections.Immutable;

namespace MoKA.Native;

/// <summary>
/// How a model that was trained on short texts turns the pairs of a head more slowly, to reach longer ones: it maps the
/// frequency of each pair, in radians a position, to a lower one.
/// </summary>
public abstract record RopeScaling
{
    /// <summary>The frequency of pair <paramref name="pair"/>, whose own is <paramref name="frequency"/>.</summary>
    public abstract double Scale(int pair, double frequency);

    /// <summary>What breaks its rules for heads of this width, or nothing.</summary>
    public abstract string? Problem(int headDim);
}

/// <summary>Every frequency divided by one factor: position interpolation (Chen et al., arXiv 2306.15595).</summary>
/// <param name="Factor">How many times longer texts may be.</param>
public sealed record LinearRopeScaling(double Factor) : RopeScaling
{
    /// <inheritdoc/>
    public override double Scale(int pair, double frequency) => frequency / Factor;

    /// <inheritdoc/>
    public override string? Problem(int headDim) => Factor is >= 1 and <= 1e6 ? null : FormattableString.Invariant($"factor must be from 1 to 1e6, got {Factor}");
}

/// <summary>
/// LLaMA-3.1's rule. With L = 2π / f the wavelength of a pair in positions and O the original context: f stays where
/// L &lt; O / high, becomes f / factor where L &gt; O / low, and in between (1 - s) f / factor + s f with
/// s = (O / L - low) / (high - low).
/// </summary>
/// <param name="Factor">What slow pairs are divided by.</param>
/// <param name="LowFrequencyFactor">low.</param>
/// <param name="HighFrequencyFactor">high.</param>
/// <param name="OriginalPositions">O, <c>original_max_position_embeddings</c>.</param>
public sealed record Llama3RopeScaling(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalPositions) : RopeScaling
{
    /// <inheritdoc/>
    public override double Scale(int pair, double frequency)
    {
        double turns = OriginalPositions * frequency / (2 * Math.PI); // O / L
        if (turns > HighFrequencyFactor) return frequency;
        if (turns < LowFrequencyFactor) return frequency / Factor;
        double smooth = (turns - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor);
        return (1 - smooth) * frequency / Factor + smooth * frequency;
    }

    /// <inheritdoc/>
    public override string? Problem(int headDim) =>
        !(Factor is >= 1 and <= 1e6) ? FormattableString.Invariant($"factor must be from 1 to 1e6, got {Factor}")
        : !(LowFrequencyFactor > 0 && HighFrequencyFactor > LowFrequencyFactor && HighFrequencyFactor <= 1e6) ? FormattableString.Invariant($"low_freq_factor must be above 0 and below high_freq_factor, got {LowFrequencyFactor} and {HighFrequencyFactor}")
        : OriginalPositions < 1 ? $"original_max_position_embeddings must be positive, got {OriginalPositions}"
        : null;
}

/// <summary>A divisor for each pair, as GGUF files list them.</summary>
/// <param name="Divisors">[headDim / 2], each from 1 / 1e6 to 1e6.</param>
public sealed record ListedRopeScaling(ImmutableArray<float> Divisors) : RopeScaling
{
    /// <inheritdoc/>
    public override double Scale(int pair, double frequency) => frequency / Divisors[pair];

    /// <inheritdoc/>
    public override string? Problem(int headDim) =>
        Divisors.Length != headDim / 2 ? $"there must be a divisor for each of {headDim / 2} pairs, got {Divisors.Length}"
        : Divisors.Any(d => !(d is >= 1e-6f and <= 1e6f)) ? "divisors must be from 1e-6 to 1e6, got one that is not"
        : null;

    /// <summary>
    /// LLaMA-3.1's rule that gives these divisors, if it does with the constants of all published models: low 1, high 4 and an
    /// original context of 8,192. For files that can hold a rule but no list.
    /// </summary>
    /// <param name="headDim">The width of a head.</param>
    /// <param name="theta">The base of the frequencies.</param>
    public Llama3RopeScaling? AsLlama3(int headDim, double theta)
    {
        if (Problem(headDim) is not null) return null;
        Llama3RopeScaling rule = new(Divisors.Max(), LowFrequencyFactor: 1, HighFrequencyFactor: 4, OriginalPositions: 8192);
        for (int i = 0; i < Divisors.Length; i++)
        {
            double frequency = Math.Pow(theta, -2.0 * i / headDim), divisor = frequency / rule.Scale(i, frequency);
            // The files' divisors come from floats.
            if (Math.Abs(divisor - Divisors[i]) > 1e-4 * divisor) return null;
        }
        return rule;
    }

    /// <summary>Whether both list the same divisors.</summary>
    public bool Equals(ListedRopeScaling? other) => other is not null && Divisors.AsSpan().SequenceEqual(other.Divisors.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => Divisors.Aggregate(0, HashCode.Combine);
}
