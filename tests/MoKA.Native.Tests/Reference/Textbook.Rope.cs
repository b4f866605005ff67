using System.Numerics;

namespace MoKA.Native.Tests.Reference;

internal static partial class Textbook
{
    /// <summary>
    /// Turns pair i of every head, (x[i], x[i + headDim / 2]), by position θ^(-2i / headDim); positions begin at
    /// <paramref name="offset"/> in every sequence. <paramref name="scale"/> changes a pair's frequency.
    /// </summary>
    public static Matrix<T> Rope<T>(Matrix<T> x, int headDim, double theta, int[] starts, int offset = 0, Func<int, double, double>? scale = null) where T : IFloatingPointIeee754<T>
    {
        Matrix<T> y = new(x.Rows, x.Columns);
        for (int t = 0; t < x.Rows; t++)
            for (int head = 0; head < x.Columns; head += headDim)
                for (int i = 0; i < headDim / 2; i++)
                {
                    double frequency = Math.Pow(theta, -2.0 * i / headDim);
                    T angle = T.CreateChecked((offset + PositionOf(t, starts)) * (scale?.Invoke(i, frequency) ?? frequency));
                    (int u, int v) = (head + i, head + i + headDim / 2);
                    y[t, u] = x[t, u] * T.Cos(angle) - x[t, v] * T.Sin(angle);
                    y[t, v] = x[t, u] * T.Sin(angle) + x[t, v] * T.Cos(angle);
                }
        return y;
    }

    /// <summary>How far row t lies behind the start of its sequence.</summary>
    private static int PositionOf(int t, int[] starts) => t - starts.Last(start => start <= t);
}
