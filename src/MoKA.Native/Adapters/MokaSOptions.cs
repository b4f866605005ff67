using MoKA.Native.Diagnostics;
using MoKA.Native.Nn;

namespace MoKA.Native.Adapters;

/// <summary>How a mixture of Kronecker products with an identity is built (MoKA_s of arXiv 2508.03527).</summary>
public sealed record MokaSOptions : AdapterOptions
{
    /// <summary>The default's largest k: M then has a 256th of the map's numbers, as long as k divides both lengths.</summary>
    private const int UsualRepeats = 16;

    /// <summary>The filters' shapes; empty chooses for every map one block-diagonal filter and one of the other side, of the same k.</summary>
    public IReadOnlyList<IdentityShape> Shapes { get; init; } = [];

    /// <summary>c, a constant factor on the mixture.</summary>
    public float Scale { get; init; } = 1;

    /// <summary>τ of the gate's softmax.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Whether the filters' weights are learned; otherwise each is 1 / filters.</summary>
    public bool Gated { get; init; } = true;

    /// <summary>Whether filters that another one spans are left out instead of refused.</summary>
    public bool MergeSpanned { get; init; }

    /// <summary>The shapes for one map from <paramref name="inputs"/> to <paramref name="outputs"/>.</summary>
    /// <exception cref="MokaException">A shape is of another map, or spanned by another one.</exception>
    public IReadOnlyList<IdentityShape> ShapesFor(int outputs, int inputs)
    {
        if (Shapes.Count == 0) return Usual(outputs, inputs);
        foreach (IdentityShape shape in Shapes)
            if (shape.Out != outputs || shape.In != inputs)
                throw new MokaException($"Filter shape {shape}: {MapText} takes {inputs} inputs to {outputs} outputs; choose k and M so that k rows are {outputs} and k columns are {inputs}, or leave the shapes out.");
        List<IdentityShape> kept = [];
        for (int i = 0; i < Shapes.Count; i++)
        {
            IdentityShape shape = Shapes[i];
            // Of equal shapes the first stays.
            int by = Enumerable.Range(0, Shapes.Count).FirstOrDefault(j => j != i && shape.IsSpannedBy(Shapes[j]) && (Shapes[j] != shape || j < i), -1);
            if (by < 0) kept.Add(shape);
            else if (!MergeSpanned)
                throw new MokaException($"Filter shape {shape}: {(Shapes[by] == shape ? "two filters of it sum to one" : $"{Shapes[by]} already spans all its filters, since {shape.Repeats} is a multiple of {Shapes[by].Repeats}")}; leave it out, put the identity on the other side, or ask for spanned filters to be merged.");
        }
        return kept;
    }

    /// <inheritdoc/>
    public override string Method => "MoKA_s";

    /// <inheritdoc/>
    public override Adapter Create(ILinear frozen, ulong seed, ulong stream) => new MokaSAdapter(frozen.Out, frozen.In, this);

    /// <inheritdoc/>
    public override long ParametersFor(int outputs, int inputs)
    {
        IReadOnlyList<IdentityShape> shapes = ShapesFor(outputs, inputs);
        return shapes.Sum(s => s.Parameters) + (Gated ? shapes.Count : 0);
    }

    /// <inheritdoc/>
    public override int GatesFor(int outputs, int inputs) => Gated ? ShapesFor(outputs, inputs).Count : 0;

    /// <inheritdoc/>
    public override long CostFor(int outputs, int inputs) => ShapesFor(outputs, inputs).Sum(s => s.Cost);

    /// <summary>A filter, its gradient, and that of each 64 tokens.</summary>
    public override double WorkspaceFor(int outputs, int inputs, double tokens) => ShapesFor(outputs, inputs).Max(s => s.Parameters) * (2 + Math.Ceiling(tokens / 64));

    /// <inheritdoc/>
    public override string Brief => Shapes.Count > 0 ? FormattableString.Invariant($"r = {Shapes.Count}") : "both sides";

    /// <inheritdoc/>
    public override string Describe() => FormattableString.Invariant($"Kronecker filters with an identity, {MokaOptions.GateText(Gated, Temperature)}, scale {Scale:0.######}{DropoutText}");

    /// <inheritdoc/>
    protected override void ValidateSettings()
    {
        if (Shapes.Count > MokaOptions.MostFilters) throw new MokaException($"Filters: there must be at most {MokaOptions.MostFilters}, got {Shapes.Count}.");
        foreach (IdentityShape shape in Shapes)
            if (shape is not { Rows: > 0, Columns: > 0, Repeats: > 0 }) throw new MokaException($"Filter shape {shape}: every length must be positive.");
        new MokaOptions { Filters = 1, Scale = Scale, Dropout = Dropout, Temperature = Temperature }.Validate();
    }

    private static IdentityShape[] Usual(int outputs, int inputs)
    {
        if (outputs < 1 || inputs < 1) throw new MokaException($"Filter shapes: the adapted weight must not be empty, got [{outputs}, {inputs}].");
        int repeats = Enumerable.Range(1, UsualRepeats).Last(k => outputs % k == 0 && inputs % k == 0);
        IdentityShape first = new(outputs / repeats, inputs / repeats, repeats, IdentityFirst: true);
        // With k = 1 both sides are the whole matrix.
        return repeats == 1 ? [first] : [first, first with { IdentityFirst = false }];
    }
}
