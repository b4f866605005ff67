using System.Numerics;

namespace MoKA.Native.Tests.Reference;

internal static partial class Textbook
{
    /// <summary>c[i, j] = Σ_k a[i, k] b[k, j].</summary>
    public static Matrix<T> MatMul<T>(Matrix<T> a, Matrix<T> b) where T : IFloatingPointIeee754<T> =>
        Build(a.Rows, b.Columns, (i, j) => Sum(a.Columns, k => a[i, k] * b[k, j]));

    /// <summary>Σ a[i, j] b[i, j].</summary>
    public static T Inner<T>(Matrix<T> a, Matrix<T> b) where T : IFloatingPointIeee754<T> => Sum(a.Data.Length, i => a.Data[i] * b.Data[i]);
}
