using System.Numerics;

namespace MoKA.Native.LinearAlgebra;

/// <summary>Σ x y in double precision.</summary>
internal static class InnerProduct
{
    /// <summary>Of two rows of one length; four sums at a time, so that additions need not wait for each other.</summary>
    public static double Of<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> y) where T : struct, INumberBase<T>
    {
        double a = 0, b = 0, c = 0, d = 0;
        int i = 0;
        for (; i + 4 <= x.Length; i += 4)
        {
            a += Product(x[i], y[i]);
            b += Product(x[i + 1], y[i + 1]);
            c += Product(x[i + 2], y[i + 2]);
            d += Product(x[i + 3], y[i + 3]);
        }
        for (; i < x.Length; i++) a += Product(x[i], y[i]);
        return a + b + (c + d);
    }

    private static double Product<T>(T x, T y) where T : struct, INumberBase<T> => double.CreateTruncating(x) * double.CreateTruncating(y);
}
