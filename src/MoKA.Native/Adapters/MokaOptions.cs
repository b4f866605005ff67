using MoKA.Native.Diagnostics;

namespace MoKA.Native.Adapters;

/// <summary>How a Mixture of Kronecker Adapters is built. The defaults are those of the paper where it states them.</summary>
public sealed record MokaOptions
{
    /// <summary>How many filters each adapted map gets, when <see cref="Shapes"/> does not list them.</summary>
    public int Filters { get; init; } = 10;

    /// <summary>The filters' shapes, one each; empty chooses balanced ones for every map by <see cref="KroneckerShapes.Balanced"/>.</summary>
    public IReadOnlyList<KroneckerShape> Shapes { get; init; } = [];

    /// <summary>c, a constant factor on the mixture.</summary>
    public float Scale { get; init; } = 1;

    /// <summary>The probability with which an element of the adapter's input is dropped in training.</summary>
    public float Dropout { get; init; }

    /// <summary>τ of the gate's softmax.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Whether the filters' weights are learned; otherwise each is 1 / filters.</summary>
    public bool Gated { get; init; } = true;

    /// <summary>The shapes for one map from <paramref name="inputs"/> to <paramref name="outputs"/>.</summary>
    public IReadOnlyList<KroneckerShape> ShapesFor(int outputs, int inputs)
    {
        if (Shapes.Count == 0) return KroneckerShapes.Balanced(outputs, inputs, Filters);
        foreach (KroneckerShape shape in Shapes)
            if (shape.Out != outputs || shape.In != inputs)
                throw new MokaException($"Filter shape {shape}: it maps {shape.In} inputs to {shape.Out} outputs, but the adapted weight maps {inputs} to {outputs}; choose rows that multiply to {outputs} and columns that multiply to {inputs}, or leave the shapes out.");
        return Shapes;
    }

    /// <summary>Throws one line when a value is out of range.</summary>
    public void Validate()
    {
        if (Filters is < 1 or > 1024) throw new MokaException($"Filters: there must be 1 to 1024, got {Filters}.");
        if (!(Scale > 0 && float.IsFinite(Scale))) throw new MokaException($"Scale: must be a positive number, got {Scale}.");
        if (Dropout is not (>= 0 and < 1)) throw new MokaException($"Dropout: must be in [0, 1), got {Dropout}.");
        if (!(Temperature > 0 && float.IsFinite(Temperature))) throw new MokaException($"Gate temperature: must be a positive number, got {Temperature}.");
    }
}
