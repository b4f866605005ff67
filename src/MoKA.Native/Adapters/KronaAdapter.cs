using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Ops;

namespace MoKA.Native.Adapters;

/// <summary>
/// One Kronecker product (KronA, Edalati et al., arXiv 2212.10650): Δ(x) = s (A ⊗ B) x. It is a mixture of one filter
/// without a gate.
/// </summary>
/// <remarks>A starts Kaiming-uniform and B at zero, so training starts at the frozen map to the bit.</remarks>
public sealed class KronaAdapter : AdditiveAdapter
{
    private readonly Parameter[] _parameters;
    private readonly KroneckerFilter[] _filter;

    /// <summary>A new adapter for a map from <paramref name="inputs"/> to <paramref name="outputs"/>.</summary>
    /// <param name="outputs">The length of an output row.</param>
    /// <param name="inputs">The length of an input row.</param>
    /// <param name="options">Shape, scale, dropout.</param>
    /// <param name="seed">What A is drawn from.</param>
    /// <param name="stream">Different for every adapter of a model: its place in the list.</param>
    public KronaAdapter(int outputs, int inputs, KronaOptions options, ulong seed, ulong stream)
    {
        options.Validate();
        (Out, In, Options, Shape) = (outputs, inputs, options, options.ShapeFor(outputs, inputs));
        A = new Parameter("A", new Shape(Shape.RowsA, Shape.ColumnsA));
        B = new Parameter("B", new Shape(Shape.RowsB, Shape.ColumnsB));
        A.FillUniform(1 / MathF.Sqrt(Shape.ColumnsA), seed, CounterRandom.Bits(seed, stream, 0));
        (_parameters, _filter) = ([A, B], [new KroneckerFilter(A, B)]);
    }

    /// <inheritdoc/>
    public override int In { get; }

    /// <inheritdoc/>
    public override int Out { get; }

    /// <inheritdoc/>
    public override KronaOptions Options { get; }

    /// <summary>The four lengths.</summary>
    public KroneckerShape Shape { get; }

    /// <summary>[RowsA, ColumnsA].</summary>
    public Parameter A { get; }

    /// <summary>[RowsB, ColumnsB].</summary>
    public Parameter B { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Parts => [Shape.ToString()];

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters => _parameters;

    /// <inheritdoc/>
    public override Tensor AddDelta(Tape tape, Tensor x, Tensor y) =>
        Op.KroneckerMixture(tape, Op.Dropout(tape, x, Options.Dropout), _filter, gate: null, Options.Scale, addTo: y);

    /// <inheritdoc/>
    public override AdditiveAdapter Transposed()
    {
        KronaAdapter transposed = new(In, Out, Options with { Shape = Shape.Transposed }, seed: 0, stream: 0);
        Transpose(A, transposed.A);
        Transpose(B, transposed.B);
        return transposed;
    }

    /// <inheritdoc/>
    protected override void MergeInto(Span<float> weight) => DenseKronecker.AddTo(weight, Shape, Options.Scale, A.Data, B.Data);
}
