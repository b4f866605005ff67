using MoKA.Native.Nn;

namespace MoKA.Native.Adapters;

/// <summary>How a KronA adapter is built.</summary>
public sealed record KronaOptions : AdapterOptions
{
    /// <summary>The shape of the two factors; the one of fewest parameters, nearest to square, unless given.</summary>
    public KroneckerShape? Shape { get; init; }

    /// <summary>s, a constant factor on the update.</summary>
    public float Scale { get; init; } = 1;

    /// <inheritdoc/>
    public override string Method => "KronA";

    // One filter without a gate.
    private MokaOptions Mixture => new() { Filters = 1, Shapes = Shape is { } shape ? [shape] : [], Scale = Scale, Dropout = Dropout, Gated = false, Kind = Kind };

    /// <summary>The shape for one map from <paramref name="inputs"/> to <paramref name="outputs"/>.</summary>
    public KroneckerShape ShapeFor(int outputs, int inputs) => Mixture.ShapesFor(outputs, inputs)[0];

    /// <inheritdoc/>
    public override Adapter Create(ILinear frozen, ulong seed, ulong stream) => new KronaAdapter(frozen.Out, frozen.In, this, seed, stream);

    /// <inheritdoc/>
    public override long ParametersFor(int outputs, int inputs) => Mixture.ParametersFor(outputs, inputs);

    /// <inheritdoc/>
    public override long CostFor(int outputs, int inputs) => Mixture.CostFor(outputs, inputs);

    /// <inheritdoc/>
    public override double WorkspaceFor(int outputs, int inputs, double tokens) => Mixture.WorkspaceFor(outputs, inputs, tokens);

    /// <inheritdoc/>
    public override string Brief => Shape?.ToString() ?? "square";

    /// <inheritdoc/>
    public override string Describe() => FormattableString.Invariant($"one Kronecker product a map, scale {Scale:0.######}{DropoutText}");

    /// <inheritdoc/>
    protected override void ValidateSettings() => Mixture.Validate();
}
