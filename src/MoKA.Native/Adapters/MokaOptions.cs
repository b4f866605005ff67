using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Adapters;

/// <summary>How a Mixture of Kronecker Adapters is built. The defaults are those of the paper where it states them.</summary>
public sealed record MokaOptions : AdapterOptions
{
    /// <summary>A block of tokens has at most so many numbers between two products.</summary>
    private const int IntermediatesPerBlock = 1 << 17;

    /// <summary>The most filters that one mixture may have.</summary>
    public const int MostFilters = 1024;

    /// <summary>How many filters each adapted map gets, when <see cref="Shapes"/> does not list them.</summary>
    public int Filters { get; init; } = 10;

    /// <summary>The filters' shapes, one each; empty chooses balanced ones for every map by <see cref="KroneckerShapes.Balanced"/>.</summary>
    public IReadOnlyList<KroneckerShape> Shapes { get; init; } = [];

    /// <summary>c, a constant factor on the mixture.</summary>
    public float Scale { get; init; } = 1;

    /// <summary>τ of the gate's softmax.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Whether the filters' weights are learned; otherwise each is 1 / filters.</summary>
    public bool Gated { get; init; } = true;

    private int Count => Shapes.Count > 0 ? Shapes.Count : Filters;

    /// <summary>The shapes for one map from <paramref name="inputs"/> to <paramref name="outputs"/>.</summary>
    public IReadOnlyList<KroneckerShape> ShapesFor(int outputs, int inputs)
    {
        if (Shapes.Count == 0) return KroneckerShapes.Balanced(outputs, inputs, Filters);
        foreach (KroneckerShape shape in Shapes)
            if ((long)shape.RowsA * shape.RowsB != outputs || (long)shape.ColumnsA * shape.ColumnsB != inputs)
                throw new MokaException($"Filter shape {shape}: {MapText} takes {inputs} inputs to {outputs} outputs; choose rows that multiply to {outputs} and columns that multiply to {inputs}, or leave the shapes out.");
        return Shapes;
    }

    /// <inheritdoc/>
    public override string Method => "MoKA";

    /// <inheritdoc/>
    public override Adapter Create(ILinear frozen, ulong seed, ulong stream) => new MokaAdapter(frozen.Out, frozen.In, this, seed, stream);

    /// <inheritdoc/>
    public override long ParametersFor(int outputs, int inputs)
    {
        IReadOnlyList<KroneckerShape> shapes = ShapesFor(outputs, inputs);
        return shapes.Sum(s => s.Parameters) + (Gated ? shapes.Count : 0);
    }

    /// <inheritdoc/>
    public override int GatesFor(int outputs, int inputs) => Gated ? ShapesFor(outputs, inputs).Count : 0;

    /// <inheritdoc/>
    public override long CostFor(int outputs, int inputs) => ShapesFor(outputs, inputs).Sum(s => s.Cost);

    /// <summary>The filters of one shape laid together, their gradients, and those of each block of tokens.</summary>
    public override double WorkspaceFor(int outputs, int inputs, double tokens) => ShapesFor(outputs, inputs).GroupBy(s => s).Max(g =>
    {
        double intermediates = (double)g.Count() * (g.Key.AFirst ? g.Key.RowsA * g.Key.ColumnsB : g.Key.ColumnsA * g.Key.RowsB);
        double tokensPerBlock = Math.Clamp(Math.Floor(IntermediatesPerBlock / intermediates), 4, 64);
        return g.Count() * g.Key.Parameters * (2 + Math.Ceiling(tokens / tokensPerBlock));
    });

    /// <inheritdoc/>
    public override string Brief => FormattableString.Invariant($"r = {Count}");

    /// <inheritdoc/>
    public override string Describe() => FormattableString.Invariant($"{Count} Kronecker filters a map, {GateText(Gated, Temperature)}, scale {Scale:0.######}{DropoutText}");

    internal static string GateText(bool gated, float temperature) => gated ? FormattableString.Invariant($"gate softmax(g / {temperature:0.######})") : "no gate";

    /// <inheritdoc/>
    protected override void ValidateSettings()
    {
        if (Filters is < 1 or > MostFilters || Shapes.Count > MostFilters) throw new MokaException($"Filters: there must be 1 to {MostFilters}, got {Math.Max(Filters, Shapes.Count)}.");
        // The description of a saved adapter has one number for all maps.
        if (Exceptions.OfType<MokaOptions>().FirstOrDefault(e => e.Count != Count) is { } other)
            throw new MokaException($"Filters: every map must have the same number, got {Count} and for {Quoted.Name(other.Kind ?? "")} {other.Count}; give each kind of map as many shapes.");
        foreach (KroneckerShape shape in Shapes)
            if (shape is not { RowsA: > 0, ColumnsA: > 0, RowsB: > 0, ColumnsB: > 0 }) throw new MokaException($"Filter shape {shape}: every length must be positive.");
        if (!(Scale > 0 && float.IsFinite(Scale))) throw new MokaException($"Scale: must be a positive number, got {Scale}.");
        ValidateDropout();
        if (!(Temperature > 0 && float.IsFinite(Temperature))) throw new MokaException($"Gate temperature: must be a positive number, got {Temperature}.");
    }
}
