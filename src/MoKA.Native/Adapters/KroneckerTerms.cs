using MoKA.Native.Ops;

namespace MoKA.Native.Adapters;

/// <summary>A factor [Rows, Columns] of a Kronecker product as Left [Rows, Rank] times Right [Rank, Columns]; one of the two may be an identity.</summary>
/// <param name="Rows">The rows.</param>
/// <param name="Columns">The columns.</param>
/// <param name="Rank">The length between the two, at most the shorter side.</param>
/// <param name="Left">[Rows, Rank].</param>
/// <param name="Right">[Rank, Columns].</param>
public sealed record ThinFactor(int Rows, int Columns, int Rank, float[] Left, float[] Right)
{
    /// <summary>A whole matrix: the identity goes to its shorter side.</summary>
    public static ThinFactor Whole(int rows, int columns, ReadOnlySpan<float> matrix) => rows <= columns
        ? new(rows, columns, rows, Unit(rows), matrix.ToArray())
        : new(rows, columns, columns, matrix.ToArray(), Unit(columns));

    /// <summary>I [count, count].</summary>
    public static ThinFactor Identity(int count) => new(count, count, count, Unit(count), Unit(count));

    /// <summary>Left Right [Rows, Columns].</summary>
    public float[] Dense()
    {
        float[] dense = new float[Rows * Columns];
        for (int i = 0; i < Rows; i++)
            for (int k = 0; k < Rank; k++)
                if (Left[i * Rank + k] is var factor and not 0)
                    for (int j = 0; j < Columns; j++) dense[i * Columns + j] += factor * Right[k * Columns + j];
        return dense;
    }

    private static float[] Unit(int count)
    {
        float[] unit = new float[count * count];
        for (int i = 0; i < count; i++) unit[i * count + i] = 1;
        return unit;
    }
}

/// <summary>One term Scale (A ⊗ B) of an adapter's update.</summary>
/// <param name="Scale">What it counts, gate and constant factor together.</param>
/// <param name="A">The outer factor.</param>
/// <param name="B">The inner factor.</param>
public sealed record KroneckerTerm(float Scale, ThinFactor A, ThinFactor B)
{
    /// <summary>The four lengths.</summary>
    public KroneckerShape Shape => new(A.Rows, A.Columns, B.Rows, B.Columns);

    /// <summary>The rank that its factors show: rank A times rank B.</summary>
    public long Rank => (long)A.Rank * B.Rank;
}

/// <summary>Adapters as sums of Kronecker products Σ s_i (A_i ⊗ B_i): what all kinds but the low-rank ones are.</summary>
public static class KroneckerTerms
{
    /// <summary>The terms of an adapter, or null for a kind that is no such sum, such as LoRA and DoRA.</summary>
    public static IReadOnlyList<KroneckerTerm>? Of(Adapter adapter) => adapter switch
    {
        MokaAdapter moka => [.. moka.Filters.Zip(moka.GateWeights(), (f, weight) => new KroneckerTerm(moka.Options.Scale * weight, Whole(f.A), Whole(f.B)))],
        MokaSAdapter moka => [.. moka.Filters.Zip(moka.GateWeights(), (f, weight) => f.IdentityFirst
            ? new KroneckerTerm(moka.Options.Scale * weight, ThinFactor.Identity(f.Repeats), Whole(f.Matrix))
            : new KroneckerTerm(moka.Options.Scale * weight, Whole(f.Matrix), ThinFactor.Identity(f.Repeats)))],
        KronaAdapter krona => [new KroneckerTerm(krona.Options.Scale, Whole(krona.A), Whole(krona.B))],
        LokrAdapter lokr => [new KroneckerTerm(lokr.Options.Scale, Thin(lokr.Outer), Thin(lokr.Inner))],
        _ => null,
    };

    private static ThinFactor Whole(Tensor matrix)
    {
        ThinFactor whole = ThinFactor.Whole(matrix.Shape[0], matrix.Shape[1], matrix.Data);
        GC.KeepAlive(matrix); // a parameter's memory must outlive the span that reads it
        return whole;
    }

    private static ThinFactor Thin(FactorPair pair)
    {
        if (!pair.IsDecomposed) return Whole(pair.Parameters[0]);
        Parameter a = pair.Parameters[0], b = pair.Parameters[1];
        (int rows, int rank, int columns) = (a.Shape[0], a.Shape[1], b.Shape[1]);
        return rank < Math.Min(rows, columns) ? new ThinFactor(rows, columns, rank, a.ToArray(), b.ToArray()) : ThinFactor.Whole(rows, columns, pair.Dense());
    }
}
