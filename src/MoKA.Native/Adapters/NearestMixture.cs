using MoKA.Native.LinearAlgebra;

namespace MoKA.Native.Adapters;

/// <summary>
/// The mixture of Kronecker products nearest to a given update. Read W [out, in] as R(W) [RowsA ColumnsA, RowsB ColumnsB]
/// with R[(p, j), (q, l)] = W[p RowsB + q, j ColumnsB + l]; then R(A ⊗ B) = vec(A) vec(B)ᵀ, so the best r filters of one
/// shape are the r leading singular pairs of R (Van Loan and Pitsianis, "Approximation with Kronecker products", 1993).
/// Filters of several shapes are fitted in turn, each group to what the others leave, a few times over.
/// </summary>
public static class NearestMixture
{
    private const int Sweeps = 4;

    /// <summary>Fits filters to an update.</summary>
    /// <param name="cpu">What the large products run on.</param>
    /// <param name="update">ΔW [out, in], finite; it is not changed.</param>
    /// <param name="shapes">One for each filter; equal ones are fitted together.</param>
    /// <param name="seed">What the decomposition starts from.</param>
    /// <returns>A_i and B_i with Σ A_i ⊗ B_i near the update, in the order of the shapes, and ‖ΔW - Σ‖ / ‖ΔW‖, 0 for an update of zeros.</returns>
    public static (IReadOnlyList<(float[] A, float[] B)> Filters, double RelativeError) Fit(Cpu cpu, ReadOnlySpan<float> update, IReadOnlyList<KroneckerShape> shapes, ulong seed = 0)
    {
        foreach (KroneckerShape shape in shapes)
            if ((long)shape.Out * shape.In != update.Length) throw new ArgumentException($"NearestMixture: {shape} is a matrix [{shape.Out}, {shape.In}], but the update has {update.Length} numbers.");
        float[] rest = update.ToArray();
        (float[] A, float[] B)[] filters = [.. shapes.Select(s => (new float[s.RowsA * s.ColumnsA], new float[s.RowsB * s.ColumnsB]))];
        IGrouping<KroneckerShape, int>[] groups = [.. Enumerable.Range(0, shapes.Count).GroupBy(i => shapes[i])];
        for (int sweep = 0; sweep < (groups.Length == 1 ? 1 : Sweeps); sweep++)
            foreach (IGrouping<KroneckerShape, int> group in groups)
            {
                foreach (int i in group) DenseKronecker.AddTo(rest, group.Key, 1, filters[i].A, filters[i].B);
                FitGroup(cpu, rest, group, filters, seed);
                foreach (int i in group) DenseKronecker.AddTo(rest, group.Key, -1, filters[i].A, filters[i].B);
            }
        double norm = FrobeniusNorm.Of(update);
        return (filters, norm == 0 ? 0 : FrobeniusNorm.Of(rest) / norm);
    }

    private static void FitGroup(Cpu cpu, float[] update, IGrouping<KroneckerShape, int> group, (float[] A, float[] B)[] filters, ulong seed)
    {
        KroneckerShape s = group.Key;
        int[] members = [.. group];
        using Parameter rearranged = new("rearranged", new Shape(s.RowsA * s.ColumnsA, s.RowsB * s.ColumnsB), trainable: false);
        Rearrange(update, s, rearranged.Data);
        TruncatedSvd svd = TruncatedSvd.Of(cpu, rearranged, members.Length, seed);
        for (int k = 0; k < members.Length; k++)
        {
            (float[] a, float[] b) = filters[members[k]];
            // Both factors get the same share of the singular value.
            double root = k < svd.Count ? Math.Sqrt(svd.Values[k]) : 0;
            for (int i = 0; i < a.Length; i++) a[i] = k < svd.Count ? (float)(root * svd.U[i * svd.Count + k]) : 0;
            for (int i = 0; i < b.Length; i++) b[i] = k < svd.Count ? (float)(root * svd.V[i * svd.Count + k]) : 0;
        }
    }

    /// <summary>R(W).</summary>
    private static void Rearrange(ReadOnlySpan<float> update, KroneckerShape s, Span<float> to)
    {
        int block = s.RowsB * s.ColumnsB, inputs = s.In;
        for (int p = 0; p < s.RowsA; p++)
            for (int q = 0; q < s.RowsB; q++)
                for (int j = 0; j < s.ColumnsA; j++)
                    update.Slice((p * s.RowsB + q) * inputs + j * s.ColumnsB, s.ColumnsB).CopyTo(to[((p * s.ColumnsA + j) * block + q * s.ColumnsB)..]);
    }
}
