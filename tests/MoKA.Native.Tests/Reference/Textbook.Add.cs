using System.Numerics;

namespace MoKA.Native.Tests.Reference;

internal static partial class Textbook
{
    /// <summary>a + b.</summary>
    public static Matrix<T> Add<T>(Matrix<T> a, Matrix<T> b) where T : IFloatingPointIeee754<T> => Build(a.Rows, a.Columns, (i, j) => a[i, j] + b[i, j]);

    /// <summary>x + b in every row, b as a matrix of one row or one column.</summary>
    public static Matrix<T> AddBias<T>(Matrix<T> x, Matrix<T> b) where T : IFloatingPointIeee754<T> => Build(x.Rows, x.Columns, (i, j) => x[i, j] + b.Data[j]);

    /// <summary>factor a.</summary>
    public static Matrix<T> Scaled<T>(T factor, Matrix<T> a) where T : IFloatingPointIeee754<T> => Build(a.Rows, a.Columns, (i, j) => factor * a[i, j]);
}
