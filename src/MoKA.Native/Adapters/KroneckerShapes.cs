using MoKA.Native.Diagnostics;

namespace MoKA.Native.Adapters;

/// <summary>The ways to write a matrix [out, in] as a Kronecker product.</summary>
public static class KroneckerShapes
{
    private const int ShapesInFamily = 5;

    /// <summary>Every factorisation: each divisor of the outputs with each divisor of the inputs.</summary>
    public static IEnumerable<KroneckerShape> All(int outputs, int inputs) =>
        from rows in Divisors(outputs)
        from columns in Divisors(inputs)
        select new KroneckerShape(rows, columns, outputs / rows, inputs / columns);

    /// <summary>Every factorisation, those of fewest parameters first; among equals those whose A is nearest to square.</summary>
    public static IEnumerable<KroneckerShape> CheapestFirst(int outputs, int inputs) => All(outputs, inputs).OrderBy(s => s.Parameters).ThenBy(Elongation).ThenBy(s => s.RowsA);

    /// <summary>
    /// Every filter with an identity: I_k ⊗ M and M ⊗ I_k for each k that divides both lengths, the largest k, which has
    /// the fewest parameters, first. With k = 1 both are the whole matrix, which is listed once.
    /// </summary>
    public static IEnumerable<IdentityShape> WithIdentity(int outputs, int inputs) =>
        from k in Divisors(outputs).Where(k => inputs % k == 0).Reverse()
        from first in (bool[])[true, false]
        where first || k > 1
        select new IdentityShape(outputs / k, inputs / k, k, first);

    /// <summary>
    /// Shapes for a mixture of the given number of filters: the five cheapest factorisations, taken in turn. Cheapest
    /// means fewest parameters, |A| and |B| both near √(out in); among equals, those whose A is nearest to square come
    /// first, so for 4096 x 4096 the family is A 64x64, 32x128, 128x32, 16x256, 256x16, each of 8,192 parameters and of
    /// rank up to 4096, 1024, 1024, 256 and 256.
    /// </summary>
    public static IReadOnlyList<KroneckerShape> Balanced(int outputs, int inputs, int filters)
    {
        if (outputs < 1 || inputs < 1) throw new MokaException($"Filter shapes: the adapted weight must not be empty, got [{outputs}, {inputs}].");
        if (filters < 1) throw new MokaException($"Filters: there must be at least one, got {filters}.");
        KroneckerShape[] ordered = [.. CheapestFirst(outputs, inputs)];
        // A shape of more than 1.5 times the fewest parameters buys its rank too dearly to be a default.
        KroneckerShape[] family = [.. ordered.TakeWhile(s => 2 * s.Parameters <= 3 * ordered[0].Parameters).Take(ShapesInFamily)];
        return [.. Enumerable.Range(0, filters).Select(i => family[i % family.Length])];
    }

    /// <summary>How far A is from square: the longer side over the shorter, 1 at best.</summary>
    private static double Elongation(KroneckerShape s) => (double)Math.Max(s.RowsA, s.ColumnsA) / Math.Min(s.RowsA, s.ColumnsA);

    /// <summary>The divisors of n, rising: those up to √n, and what each leaves.</summary>
    private static int[] Divisors(int n)
    {
        List<int> small = [];
        for (int d = 1; (long)d * d <= n; d++)
            if (n % d == 0) small.Add(d);
        return [.. small, .. small.Where(d => d != n / d).Select(d => n / d).Reverse()];
    }
}
