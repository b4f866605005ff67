using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Adapters;

/// <summary>How a LoKr adapter is built; names, rules and defaults are those of PEFT.</summary>
public sealed record LokrOptions : AdapterOptions
{
    /// <summary>r, the rank of factors that are themselves products; a factor no larger than 2 r a side stays whole.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>α of the update's scale α / r; <see cref="Rank"/> unless given, which makes the scale 1.</summary>
    public float? Alpha { get; init; }

    /// <summary>The length of the outer factor's sides where it divides the map's; -1 for both factors as near to square as can be.</summary>
    public int Factor { get; init; } = -1;

    /// <summary>Whether the outer factor may be a product too.</summary>
    public bool DecomposeBoth { get; init; }

    /// <summary>s, the factor on the update.</summary>
    public float Scale => (Alpha ?? Rank) / Rank;

    /// <summary>The shape of the two factors of a map: W1 as A, W2 as B.</summary>
    public KroneckerShape ShapeFor(int outputs, int inputs)
    {
        (int outer, int inner) = Split(outputs, Factor);
        (int outerIn, int innerIn) = Split(inputs, Factor);
        return new KroneckerShape(outer, outerIn, inner, innerIn);
    }

    /// <summary>Whether W1 is a product of two thinner factors.</summary>
    public bool DecomposesOuter(KroneckerShape shape) => DecomposeBoth && 2 * Rank < Math.Max(shape.RowsA, shape.ColumnsA);

    /// <summary>Whether W2 is a product of two thinner factors.</summary>
    public bool DecomposesInner(KroneckerShape shape) => 2 * Rank < Math.Max(shape.RowsB, shape.ColumnsB);

    /// <inheritdoc/>
    public override string Method => "LoKr";

    /// <inheritdoc/>
    public override Adapter Create(ILinear frozen, ulong seed, ulong stream) => new LokrAdapter(frozen.Out, frozen.In, this, seed, stream);

    /// <inheritdoc/>
    public override long ParametersFor(int outputs, int inputs)
    {
        KroneckerShape s = ShapeFor(outputs, inputs);
        long outer = DecomposesOuter(s) ? (long)Rank * (s.RowsA + s.ColumnsA) : (long)s.RowsA * s.ColumnsA;
        return outer + (DecomposesInner(s) ? (long)Rank * (s.RowsB + s.ColumnsB) : (long)s.RowsB * s.ColumnsB);
    }

    /// <inheritdoc/>
    public override long CostFor(int outputs, int inputs)
    {
        KroneckerShape s = ShapeFor(outputs, inputs);
        // W1 ⊗ (W2_a W2_b) = (W1 ⊗ W2_a) (I ⊗ W2_b), W2_b [r, ColumnsB] once for each of the ColumnsA parts.
        return DecomposesInner(s) ? new IdentityShape(Rank, s.ColumnsB, s.ColumnsA, IdentityFirst: true).Cost + (s with { ColumnsB = Rank }).Cost : s.Cost;
    }

    /// <inheritdoc/>
    public override double KeptPerToken(int outputs, int inputs)
    {
        KroneckerShape s = ShapeFor(outputs, inputs);
        return base.KeptPerToken(outputs, inputs) + (DecomposesInner(s) ? (double)s.ColumnsA * Rank : 0);
    }

    /// <inheritdoc/>
    public override string Brief => FormattableString.Invariant($"r = {Rank}");

    /// <inheritdoc/>
    public override string Describe() => FormattableString.Invariant($"rank {Rank}, factor {Factor}{(DecomposeBoth ? ", both factors decomposed" : "")}, scale {Scale:0.######}{DropoutText}");

    /// <inheritdoc/>
    protected override void ValidateSettings()
    {
        ValidateDropout();
        ValidateRank(Rank, Alpha);
        if (Factor is not (-1 or > 0)) throw new MokaException($"Decompose factor: must be -1 or positive, got {Factor}.");
    }

    /// <summary>
    /// A length as a product. A factor that divides it is taken as it is; otherwise divisors are tried upwards for as long as
    /// the two parts' sum does not pass that of 1 and the whole, and the smaller part comes first.
    /// </summary>
    internal static (int Outer, int Inner) Split(int length, int factor)
    {
        if (factor > 0 && length % factor == 0) return (factor, length / factor);
        int limit = factor == -1 ? length : factor;
        (int small, int large) = (1, length);
        for (int divisor = 2; small < large && divisor <= limit; divisor++)
        {
            if (length % divisor != 0) continue;
            if (length / divisor + divisor > length + 1) break;
            (small, large) = (divisor, length / divisor);
        }
        return small <= large ? (small, large) : (large, small);
    }
}
