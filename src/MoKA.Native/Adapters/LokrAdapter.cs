using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Ops;

namespace MoKA.Native.Adapters;

/// <summary>
/// Low-rank Kronecker adaptation (Yeh et al., arXiv 2309.14859, as PEFT has it): Δ(x) = s (W1 ⊗ W2) x, s = α / r, where a
/// large factor is itself a product of rank r, W = W_a W_b. Neither Δ nor W1 ⊗ W2 is built.
/// </summary>
/// <remarks>W1 (or its first half) starts at zero, the rest Kaiming-uniform, so training starts at the frozen map to the bit.</remarks>
public sealed class LokrAdapter : AdditiveAdapter
{
    private readonly Parameter[] _parameters;
    private readonly IdentityFilter[] _second;
    private readonly FilterSlots _slots = new();

    /// <summary>A new adapter for a map from <paramref name="inputs"/> to <paramref name="outputs"/>.</summary>
    /// <param name="outputs">The length of an output row.</param>
    /// <param name="inputs">The length of an input row.</param>
    /// <param name="options">Rank, scale, how the factors are cut.</param>
    /// <param name="seed">What the factors are drawn from.</param>
    /// <param name="stream">Different for every adapter of a model: its place in the list.</param>
    public LokrAdapter(int outputs, int inputs, LokrOptions options, ulong seed, ulong stream)
    {
        options.Validate();
        (Out, In, Options, Shape) = (outputs, inputs, options, options.ShapeFor(outputs, inputs));
        Outer = new FactorPair("w1", Shape.RowsA, Shape.ColumnsA, options.DecomposesOuter(Shape) ? options.Rank : 0);
        Inner = new FactorPair("w2", Shape.RowsB, Shape.ColumnsB, options.DecomposesInner(Shape) ? options.Rank : 0);
        _parameters = [.. Outer.Parameters, .. Inner.Parameters];
        _second = Inner.IsDecomposed ? [new IdentityFilter(Inner.Parameters[1], Shape.ColumnsA, IdentityFirst: true)] : [];
        for (int i = 1; i < _parameters.Length; i++)
            _parameters[i].FillUniform(1 / MathF.Sqrt(_parameters[i].Shape[1]), seed, CounterRandom.Bits(seed, stream, (ulong)i));
    }

    /// <inheritdoc/>
    public override int In { get; }

    /// <inheritdoc/>
    public override int Out { get; }

    /// <inheritdoc/>
    public override LokrOptions Options { get; }

    /// <summary>The lengths of W1 (A) and W2 (B).</summary>
    public KroneckerShape Shape { get; }

    /// <summary>W1 [RowsA, ColumnsA], whole or in two.</summary>
    public FactorPair Outer { get; }

    /// <summary>W2 [RowsB, ColumnsB], whole or in two.</summary>
    public FactorPair Inner { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Parts => [Shape.ToString()];

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters => _parameters;

    /// <inheritdoc/>
    public override Tensor AddDelta(Tape tape, Tensor x, Tensor y)
    {
        Tensor input = Op.Dropout(tape, x, Options.Dropout);
        // W1 ⊗ (W2_a W2_b) = (W1 ⊗ W2_a) (I ⊗ W2_b), so a large W2 is never whole. W1 is small.
        Tensor h = Inner.IsDecomposed ? Op.IdentityMixture(tape, input, _second, gate: null) : input;
        return Op.KroneckerMixture(tape, h, _slots.Take(tape, new KroneckerFilter(Outer.Whole(tape), Inner.Parameters[0])), gate: null, Options.Scale, addTo: y);
    }

    /// <inheritdoc/>
    public override AdditiveAdapter Transposed()
    {
        // Lengths are cut into factors one by one, so the transposed map has the transposed shape; a factor W_a W_b becomes W_bᵀ W_aᵀ.
        LokrAdapter transposed = new(In, Out, Options, seed: 0, stream: 0);
        foreach ((FactorPair from, FactorPair to) in (ReadOnlySpan<(FactorPair, FactorPair)>)[(Outer, transposed.Outer), (Inner, transposed.Inner)])
            for (int i = 0; i < from.Parameters.Count; i++) Transpose(from.Parameters[i], to.Parameters[^(i + 1)]);
        return transposed;
    }

    /// <inheritdoc/>
    protected override void MergeInto(Span<float> weight) => DenseKronecker.AddTo(weight, Shape, Options.Scale, Outer.Dense(), Inner.Dense());
}
