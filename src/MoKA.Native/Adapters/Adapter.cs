using MoKA.Native.Autograd;
using MoKA.Native.LinearAlgebra;
using MoKA.Native.Nn;

namespace MoKA.Native.Adapters;

/// <summary>
/// A trainable change to one frozen linear map. An adapter knows its lengths and its parameters; how the map that it
/// changes is stored, it never asks.
/// </summary>
public abstract class Adapter
{
    /// <summary>The length of an input row.</summary>
    public abstract int In { get; }

    /// <summary>The length of an output row.</summary>
    public abstract int Out { get; }

    /// <summary>The method and its settings, as it was built.</summary>
    public abstract AdapterOptions Options { get; }

    /// <summary>What training moves, by the name it has inside the adapter: "A.0", "B.0", "gate".</summary>
    public abstract IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>The changed map's output [tokens, Out] for x [tokens, In].</summary>
    public abstract Tensor Forward(Tape tape, ILinear frozen, Tensor x);

    /// <summary>Turns the frozen weight W [Out, In] into the one that stands for map and adapter: for merging and for tests, nowhere else.</summary>
    /// <exception cref="ArgumentException">The weight has another number of elements.</exception>
    public void Merge(Span<float> weight)
    {
        if (weight.Length != (long)Out * In) throw new ArgumentException($"Adapter: the weight [{Out}, {In}] has {(long)Out * In} elements, got {weight.Length}.");
        MergeInto(weight);
        GC.KeepAlive(this); // its parameters' memory is native and must outlive the spans that read it
    }

    /// <summary>The shapes of what it trains in a user's words: 16x8:16x32 for each filter, r 16 for a low-rank pair.</summary>
    public abstract IReadOnlyList<string> Parts { get; }

    /// <summary>How much each part counts, where that is learned: weights that sum to 1. Null without a gate.</summary>
    public virtual float[]? PartWeights => null;

    /// <summary>The number of trainable numbers.</summary>
    public long ParameterCount => Parameters.Sum(p => p.Trainable ? (long)p.Shape.Count : 0);

    /// <summary><see cref="Merge"/> for a weight of the right length.</summary>
    protected abstract void MergeInto(Span<float> weight);

    /// <summary>Writes the transpose of a matrix [m, n] into one [n, m].</summary>
    private protected static void Transpose(Tensor matrix, Tensor to)
    {
        (int rows, int columns) = (matrix.Shape[0], matrix.Shape[1]);
        ReadOnlySpan<float> from = matrix.Data;
        Span<float> turned = to.Data;
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) turned[j * rows + i] = from[i * columns + j];
        GC.KeepAlive(matrix);
    }
}

/// <summary>An adapter that adds to the map: y = W x + Δ(x).</summary>
public abstract class AdditiveAdapter : Adapter
{
    /// <summary>
    /// y + Δ(x) [tokens, Out] for x [tokens, In], written over <paramref name="y"/>, the fresh output of the frozen map:
    /// map and adapter then share one output and one gradient.
    /// </summary>
    public abstract Tensor AddDelta(Tape tape, Tensor x, Tensor y);

    /// <summary>An adapter from Out to In whose update is the transpose of this one's, with copies of the numbers as they are now.</summary>
    public abstract AdditiveAdapter Transposed();

    /// <summary>ΔW [Out, In] by its products, which are those of training; the adapter must stay as it is.</summary>
    public LinearOperator Update()
    {
        AdditiveAdapter transposed = Transposed();
        return new LinearOperator(Out, In, Delta, transposed.Delta);
    }

    /// <inheritdoc/>
    public sealed override Tensor Forward(Tape tape, ILinear frozen, Tensor x) => AddDelta(tape, x, frozen.Forward(tape, x));

    private Tensor Delta(Tape tape, Tensor x)
    {
        Tensor y = tape.Allocate(new Shape(x.Shape[0], Out), "update");
        y.Data.Clear();
        return AddDelta(tape, x, y);
    }
}
