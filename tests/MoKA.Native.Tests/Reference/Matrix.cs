using System.Numerics;

namespace MoKA.Native.Tests.Reference;

/// <summary>A row-major matrix of any floating-point type: what the textbook formulas are written over.</summary>
internal sealed record Matrix<T>(int Rows, int Columns, T[] Data) where T : IFloatingPointIeee754<T>
{
    public Matrix(int rows, int columns) : this(rows, columns, new T[rows * columns]) { }

    public T this[int i, int j]
    {
        get => Data[i * Columns + j];
        set => Data[i * Columns + j] = value;
    }

    public Matrix<T> Transposed => Textbook.Build<T>(Columns, Rows, (i, j) => this[j, i]);

    /// <summary>The same numbers, row by row, in another shape.</summary>
    public Matrix<T> Reshaped(int rows, int columns) => new(rows, columns, Data);
}

/// <summary>
/// The mathematics of every op in plain loops, one file an idea, generic in the type of number. Run in double, it is what
/// the float code's outputs are compared with, and its central differences what the gradients are compared with.
/// </summary>
internal static partial class Textbook
{
    public static Matrix<T> Build<T>(int rows, int columns, Func<int, int, T> element) where T : IFloatingPointIeee754<T>
    {
        Matrix<T> matrix = new(rows, columns);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) matrix[i, j] = element(i, j);
        return matrix;
    }

    public static T Sum<T>(int count, Func<int, T> term) where T : IFloatingPointIeee754<T>
    {
        T sum = T.Zero;
        for (int i = 0; i < count; i++) sum += term(i);
        return sum;
    }
}
