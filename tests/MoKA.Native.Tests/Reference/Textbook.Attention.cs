using System.Numerics;

namespace MoKA.Native.Tests.Reference;

internal static partial class Textbook
{
    /// <summary>
    /// Causal grouped-query attention: token t of a sequence sees that sequence's tokens up to itself, and query head h
    /// reads key-value head h / (heads / keyValueHeads).
    /// </summary>
    public static Matrix<T> Attention<T>(Matrix<T> q, Matrix<T> k, Matrix<T> v, int heads, int keyValueHeads, int[] starts) where T : IFloatingPointIeee754<T>
    {
        int headDim = q.Columns / heads;
        T scale = T.One / T.Sqrt(T.CreateChecked(headDim));
        Matrix<T> y = new(q.Rows, q.Columns);
        for (int t = 0; t < q.Rows; t++)
            for (int head = 0; head < heads; head++)
            {
                int first = t - PositionOf(t, starts), keyColumn = head / (heads / keyValueHeads) * headDim;
                T[] p = Softmax([.. Enumerable.Range(first, t - first + 1).Select(key => scale * Sum(headDim, d => q[t, head * headDim + d] * k[key, keyColumn + d]))]);
                for (int d = 0; d < headDim; d++) y[t, head * headDim + d] = Sum(p.Length, key => p[key] * v[first + key, keyColumn + d]);
            }
        return y;
    }

    /// <summary>e^x[i] / Σ e^x[j], shifted by the maximum.</summary>
    public static T[] Softmax<T>(T[] x) where T : IFloatingPointIeee754<T>
    {
        T max = x.Max()!;
        T[] exponentials = [.. x.Select(value => T.Exp(value - max))];
        T sum = Sum(x.Length, i => exponentials[i]);
        return [.. exponentials.Select(e => e / sum)];
    }
}
