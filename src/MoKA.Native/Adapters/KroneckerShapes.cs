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
        KroneckerShape[] ordered = [.. All(outputs, inputs).OrderBy(s => s.Parameters).ThenBy(Elongation).ThenBy(s => s.RowsA)];
        // A shape of more than 1.5 times the fewest parameters buys its rank too dearly to be a default.
        KroneckerShape[] family = [.. ordered.TakeWhile(s => 2 * s.Parameters <= 3 * ordered[0].Parameters).Take(ShapesInFamily)];
        return [.. Enumerable.Range(0, filters).Select(i => family[i % family.Length])];
    }

    /// <summary>How far A is from square: the longer side over the shorter, 1 at best.</summary>
    private static double Elongation(KroneckerShape s) => (double)Math.Max(s.RowsA, s.ColumnsA) / Math.Min(s.RowsA, s.ColumnsA);

    private static IEnumerable<int> Divisors(int n) => Enumerable.Range(1, n).Where(d => n % d == 0);
}
