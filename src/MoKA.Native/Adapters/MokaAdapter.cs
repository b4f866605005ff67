using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Ops;

namespace MoKA.Native.Adapters;

/// <summary>
/// Mixture of Kronecker Adapters (arXiv 2508.03527): Δ(x) = c Σ_i α_i (A_i ⊗ B_i) x with α = softmax(g / τ). The filters
/// may differ in shape, so that one mixture spans updates of low and of full rank at the same small cost. See Moka.md.
/// </summary>
/// <remarks>A_i starts Kaiming-uniform and B_i at zero, so training starts at the frozen map to the bit.</remarks>
public sealed class MokaAdapter : AdditiveAdapter
{
    private readonly KroneckerFilter[] _filters;
    private readonly Parameter[] _parameters;

    /// <summary>A new adapter for a map from <paramref name="inputs"/> to <paramref name="outputs"/>.</summary>
    /// <param name="outputs">The length of an output row.</param>
    /// <param name="inputs">The length of an input row.</param>
    /// <param name="options">Filters, shapes, scale, dropout, gate.</param>
    /// <param name="seed">What A is drawn from.</param>
    /// <param name="stream">Different for every adapter of a model: its place in the list.</param>
    public MokaAdapter(int outputs, int inputs, MokaOptions options, ulong seed, ulong stream)
    {
        options.Validate();
        (Out, In, Options, Shapes) = (outputs, inputs, options, options.ShapesFor(outputs, inputs));
        _filters = new KroneckerFilter[Shapes.Count];
        for (int i = 0; i < _filters.Length; i++)
        {
            KroneckerShape shape = Shapes[i];
            Parameter a = new($"A.{i}", new Shape(shape.RowsA, shape.ColumnsA)), b = new($"B.{i}", new Shape(shape.RowsB, shape.ColumnsB));
            // Kaiming-uniform with slope √5, as LoRA's A: U(-1/√columns, 1/√columns).
            a.FillUniform(1 / MathF.Sqrt(shape.ColumnsA), seed, CounterRandom.Bits(seed, stream, (ulong)i));
            _filters[i] = new KroneckerFilter(a, b);
        }
        Gate = options.Gated ? new Parameter("gate", new Shape(_filters.Length)) : null;
        _parameters = [.. _filters.SelectMany(f => new[] { (Parameter)f.A, (Parameter)f.B }), .. Gate is null ? Array.Empty<Parameter>() : [Gate]];
    }

    /// <summary>The adapter nearest to a given update: its gate at zero, so that every filter counts c / r, and the filters those of <see cref="NearestMixture"/>.</summary>
    /// <param name="cpu">What the large products run on.</param>
    /// <param name="update">ΔW [outputs, inputs], finite; it is not changed.</param>
    /// <param name="outputs">The length of an output row.</param>
    /// <param name="inputs">The length of an input row.</param>
    /// <param name="options">Filters, shapes, scale, dropout, gate.</param>
    /// <param name="seed">What the decomposition starts from.</param>
    /// <returns>The adapter, and ‖ΔW - Δ‖ / ‖ΔW‖, 0 for an update of zeros.</returns>
    /// <exception cref="MokaException">An option is out of range, or a shape is of another map.</exception>
    public static (MokaAdapter Adapter, double RelativeError) FromUpdate(Cpu cpu, ReadOnlySpan<float> update, int outputs, int inputs, MokaOptions options, ulong seed = 0)
    {
        MokaAdapter adapter = new(outputs, inputs, options, seed, stream: 0);
        (IReadOnlyList<(float[] A, float[] B)> filters, double error) = NearestMixture.Fit(cpu, update, adapter.Shapes, seed);
        float root = MathF.Sqrt(filters.Count / options.Scale);
        for (int i = 0; i < filters.Count; i++)
        {
            Fill((Parameter)adapter._filters[i].A, filters[i].A);
            Fill((Parameter)adapter._filters[i].B, filters[i].B);
        }
        return (adapter, error);

        void Fill(Parameter factor, float[] numbers)
        {
            for (int i = 0; i < numbers.Length; i++) factor.Data[i] = root * numbers[i];
        }
    }

    /// <inheritdoc/>
    public override int In { get; }

    /// <inheritdoc/>
    public override int Out { get; }

    /// <inheritdoc/>
    public override MokaOptions Options { get; }

    /// <summary>One shape for each filter.</summary>
    public IReadOnlyList<KroneckerShape> Shapes { get; }

    /// <summary>The filters, A_i and B_i.</summary>
    public IReadOnlyList<KroneckerFilter> Filters => _filters;

    /// <summary>g [filters], or null when the gate is off.</summary>
    public Parameter? Gate { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Parts => [.. Shapes.Select(s => s.ToString())];

    /// <inheritdoc/>
    public override float[]? PartWeights => Gate is null ? null : GateWeights();

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters => _parameters;

    // Without a gate every filter weighs 1 / r, as an untrained gate would make it.
    private float EffectiveScale => Gate is null ? Options.Scale / _filters.Length : Options.Scale;

    /// <inheritdoc/>
    public override Tensor AddDelta(Tape tape, Tensor x, Tensor y) =>
        Op.KroneckerMixture(tape, Op.Dropout(tape, x, Options.Dropout), _filters, Gate, EffectiveScale, Options.Temperature, addTo: y);

    /// <summary>α = softmax(g / τ) [filters]: how much each filter counts; they sum to 1.</summary>
    public float[] GateWeights() => GateSoftmax.Weights(Gate, _filters.Length, Options.Temperature);

    /// <inheritdoc/>
    public override AdditiveAdapter Transposed()
    {
        MokaAdapter transposed = new(In, Out, Options with { Shapes = [.. Shapes.Select(s => s.Transposed)] }, seed: 0, stream: 0);
        for (int i = 0; i < _filters.Length; i++)
        {
            Transpose(_filters[i].A, transposed._filters[i].A);
            Transpose(_filters[i].B, transposed._filters[i].B);
        }
        Gate?.Data.CopyTo(transposed.Gate!.Data);
        return transposed;
    }

    /// <inheritdoc/>
    protected override void MergeInto(Span<float> weight)
    {
        float[] alpha = GateWeights();
        for (int i = 0; i < _filters.Length; i++) DenseKronecker.AddTo(weight, Shapes[i], Options.Scale * alpha[i], _filters[i].A.Data, _filters[i].B.Data);
    }
}
