using System.Numerics;

namespace MoKA.Native.Tests.Reference;

internal static partial class Textbook
{
    /// <summary>y[i, j] = gain[j] x[i, j] / √(mean of x[i]² + ε).</summary>
    public static Matrix<T> RmsNorm<T>(Matrix<T> x, Matrix<T> gain, T epsilon) where T : IFloatingPointIeee754<T> =>
        Build(x.Rows, x.Columns, (i, j) => gain[0, j] * x[i, j] / T.Sqrt(Sum(x.Columns, k => x[i, k] * x[i, k]) / T.CreateChecked(x.Columns) + epsilon));
}
