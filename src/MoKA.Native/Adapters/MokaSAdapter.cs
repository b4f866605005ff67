using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Ops;

namespace MoKA.Native.Adapters;

/// <summary>
/// MoKA with one factor of every filter fixed to the identity (MoKA_s, arXiv 2508.03527): Δ(x) = c Σ_i α_i F_i x with
/// F_i = I_k ⊗ M_i, block-diagonal, or M_i ⊗ I_k, and α = softmax(g / τ). See Moka.md.
/// </summary>
/// <remarks>
/// A filter is linear in its one matrix, so every M may start at zero and still learn at once; training starts at the
/// frozen map to the bit.
/// </remarks>
public sealed class MokaSAdapter : AdditiveAdapter
{
    private readonly IdentityFilter[] _filters;
    private readonly Parameter[] _parameters;

    /// <summary>A new adapter for a map from <paramref name="inputs"/> to <paramref name="outputs"/>.</summary>
    public MokaSAdapter(int outputs, int inputs, MokaSOptions options)
    {
        options.Validate();
        (Out, In, Options, Shapes) = (outputs, inputs, options, options.ShapesFor(outputs, inputs));
        Parameter[] matrices = [.. Shapes.Select((s, i) => new Parameter($"{(s.IdentityFirst ? "IM" : "MI")}.{i}", new Shape(s.Rows, s.Columns)))];
        _filters = [.. Shapes.Select((s, i) => new IdentityFilter(matrices[i], s.Repeats, s.IdentityFirst))];
        Gate = options.Gated ? new Parameter("gate", new Shape(_filters.Length)) : null;
        _parameters = [.. matrices, .. Gate is null ? Array.Empty<Parameter>() : [Gate]];
    }

    /// <inheritdoc/>
    public override int In { get; }

    /// <inheritdoc/>
    public override int Out { get; }

    /// <inheritdoc/>
    public override MokaSOptions Options { get; }

    /// <summary>One shape for each filter.</summary>
    public IReadOnlyList<IdentityShape> Shapes { get; }

    /// <summary>The filters.</summary>
    public IReadOnlyList<IdentityFilter> Filters => _filters;

    /// <summary>g [filters], or null when the gate is off.</summary>
    public Parameter? Gate { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Parts => [.. Shapes.Select(s => s.ToString())];

    /// <inheritdoc/>
    public override float[]? PartWeights => Gate is null ? null : GateWeights();

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters => _parameters;

    /// <inheritdoc/>
    public override Tensor AddDelta(Tape tape, Tensor x, Tensor y) =>
        Op.IdentityMixture(tape, Op.Dropout(tape, x, Options.Dropout), _filters, Gate, Gate is null ? Options.Scale / _filters.Length : Options.Scale, Options.Temperature, addTo: y);

    /// <summary>α = softmax(g / τ) [filters]: how much each filter counts; they sum to 1.</summary>
    public float[] GateWeights() => GateSoftmax.Weights(Gate, _filters.Length, Options.Temperature);

    /// <inheritdoc/>
    public override AdditiveAdapter Transposed()
    {
        MokaSAdapter transposed = new(In, Out, Options with { Shapes = [.. Shapes.Select(s => s.Transposed)] });
        for (int i = 0; i < _filters.Length; i++) Transpose(_filters[i].Matrix, transposed._filters[i].Matrix);
        Gate?.Data.CopyTo(transposed.Gate!.Data);
        return transposed;
    }

    /// <inheritdoc/>
    protected override void MergeInto(Span<float> weight)
    {
        float[] alpha = GateWeights();
        for (int f = 0; f < _filters.Length; f++)
        {
            (int rows, int columns, int k, bool first) = Shapes[f];
            ReadOnlySpan<float> m = _filters[f].Matrix.Data;
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++)
                    for (int r = 0; r < k; r++)
                    {
                        int row = first ? r * rows + i : i * k + r, column = first ? r * columns + j : j * k + r;
                        weight[row * In + column] += Options.Scale * alpha[f] * m[i * columns + j];
                    }
        }
    }
}
