using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

/// <summary>
/// The algebra of A ⊗ B, on integers that float and double hold exactly: the op is applied to the rows of the identity, so
/// that it shows its whole matrix, and every law must hold to the last digit.
/// </summary>
[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 30)]
public sealed class KroneckerAlgebraTests
{
    [Property]
    public void IsTheKroneckerProduct(Size rowsA, Size columnsA, Size rowsB, Size columnsB, ulong seed)
    {
        (Matrix<double> a, Matrix<double> b) = (Integers(seed, 1 + rowsA % 7, 1 + columnsA % 7), Integers(seed + 1, 1 + rowsB % 7, 1 + columnsB % 7));
        Assert.Equal(Textbook.Kronecker(a, b).Data, MatrixOf(a, b).Data);
    }

    [Property]
    public void ProductsMix(Size m, Size n, Size p, Size q, ulong seed)
    {
        (int ra, int ca, int rb, int cb) = (1 + m % 4, 1 + n % 4, 1 + p % 4, 1 + q % 4);
        (Matrix<double> a, Matrix<double> b) = (Integers(seed, ra, ca), Integers(seed + 1, rb, cb));
        (Matrix<double> c, Matrix<double> d) = (Integers(seed + 2, ca, ra + 1), Integers(seed + 3, cb, rb + 2));
        Assert.Equal(MatrixOf(Textbook.MatMul(a, c), Textbook.MatMul(b, d)).Data, Textbook.MatMul(MatrixOf(a, b), MatrixOf(c, d)).Data);
    }

    [Property]
    public void TransposesNormsAndTracesMultiply(Size m, Size n, Size p, Size q, ulong seed)
    {
        (Matrix<double> a, Matrix<double> b) = (Integers(seed, 1 + m % 5, 1 + n % 5), Integers(seed + 1, 1 + p % 5, 1 + q % 5));
        Matrix<double> product = MatrixOf(a, b);
        Assert.Equal(MatrixOf(a.Transposed, b.Transposed).Data, product.Transposed.Data);
        Assert.Equal(Textbook.Inner(a, a) * Textbook.Inner(b, b), Textbook.Inner(product, product));
        (Matrix<double> squareA, Matrix<double> squareB) = (Integers(seed, 1 + m % 5, 1 + m % 5), Integers(seed + 1, 1 + p % 5, 1 + p % 5));
        Assert.Equal(Trace(squareA) * Trace(squareB), Trace(MatrixOf(squareA, squareB)));
    }

    [Property]
    public void RanksMultiply(Size m, Size n, Size p, Size q, ulong seed)
    {
        // Thin integer factors make every rank from 0 up come by.
        Matrix<double> OfRank(ulong s, int rows, int columns) => Textbook.MatMul(Integers(s, rows, 1 + (int)(s % 3)), Integers(s + 9, 1 + (int)(s % 3), columns));
        (Matrix<double> a, Matrix<double> b) = (OfRank(seed, 1 + m % 4, 1 + n % 4), OfRank(seed / 3, 1 + p % 4, 1 + q % 4));
        Assert.Equal(Rank(a) * Rank(b), Rank(MatrixOf(a, b)));
        Assert.InRange(Rank(MatrixOf(a, b)), 0, (int)new KroneckerShape(a.Rows, a.Columns, b.Rows, b.Columns).MaximalRank);
    }

    [Property]
    public void IsBilinear(Size m, Size n, Size p, Size q, sbyte factor, ulong seed)
    {
        (Matrix<double> a, Matrix<double> b) = (Integers(seed, 1 + m % 5, 1 + n % 5), Integers(seed + 1, 1 + p % 5, 1 + q % 5));
        (Matrix<double> a2, Matrix<double> b2) = (Integers(seed + 2, a.Rows, a.Columns), Integers(seed + 3, b.Rows, b.Columns));
        Assert.Equal(MatrixOf(Textbook.Scaled(factor, a), b).Data, MatrixOf(a, Textbook.Scaled(factor, b)).Data);
        Assert.Equal(MatrixOf(Textbook.Add(a, a2), b).Data, Textbook.Add(MatrixOf(a, b), MatrixOf(a2, b)).Data);
        Assert.Equal(MatrixOf(a, Textbook.Add(b, b2)).Data, Textbook.Add(MatrixOf(a, b), MatrixOf(a, b2)).Data);
    }

    [Property]
    public void RearrangesToAnOuterProduct(Size m, Size n, Size p, Size q, ulong seed)
    {
        (Matrix<double> a, Matrix<double> b) = (Integers(seed, 1 + m % 5, 1 + n % 5), Integers(seed + 1, 1 + p % 5, 1 + q % 5));
        KroneckerShape shape = new(a.Rows, a.Columns, b.Rows, b.Columns);
        Matrix<double> outer = Textbook.MatMul(a.Reshaped(a.Data.Length, 1), b.Reshaped(1, b.Data.Length));
        Assert.Equal(outer.Data, Textbook.Rearranged(MatrixOf(a, b), shape).Data);
    }

    [Fact]
    public void EveryMatrixIsAMixtureOfOneShape()
    {
        // Filter i has A the i-th unit matrix and B the i-th block of W: min(|A|, |B|) filters always suffice.
        KroneckerShape shape = new(2, 3, 4, 5);
        Matrix<double> w = Integers(4, shape.Out, shape.In), blocks = Textbook.Rearranged(w, shape);
        KroneckerFilter[] filters = [.. Enumerable.Range(0, 6).Select(i => new KroneckerFilter(
            Parameter(Textbook.Build<double>(2, 3, (r, c) => r * 3 + c == i ? 1 : 0)), Parameter(Textbook.Build<double>(4, 5, (p, q) => blocks[i, p * 5 + q]))))];
        Assert.Equal(w.Data, MatrixOf(filters).Data);
        Assert.InRange(Rank(blocks), 1, 6);
    }

    private static Matrix<double> Integers(ulong seed, int rows, int columns) => new(rows, columns, [.. Draw.Integers(seed, rows * columns, -3, 3).Select(n => (double)n)]);

    private static Parameter Parameter(Matrix<double> matrix) => Draw.Parameter(new Shape(matrix.Rows, matrix.Columns), [.. matrix.Data.Select(v => (float)v)]);

    private static Matrix<double> MatrixOf(Matrix<double> a, Matrix<double> b) => MatrixOf(new KroneckerFilter(Parameter(a), Parameter(b)));

    /// <summary>What the op multiplies with: the rows of the identity become the columns of the matrix.</summary>
    private static Matrix<double> MatrixOf(params KroneckerFilter[] filters)
    {
        int inputs = filters[0].Shape.In;
        using Tape tape = new(Cpus.Widest, gradients: false);
        using Parameter identity = Parameter(Textbook.Build<double>(inputs, inputs, (i, j) => i == j ? 1 : 0));
        return Draw.Exact(Op.KroneckerMixture(tape, identity, filters, gate: null)).Transposed;
    }

    private static double Trace(Matrix<double> a) => Textbook.Sum(a.Rows, i => a[i, i]);

    /// <summary>The rank by elimination without fractions, exact on integers.</summary>
    private static int Rank(Matrix<double> matrix)
    {
        System.Numerics.BigInteger[][] rows = [.. Enumerable.Range(0, matrix.Rows).Select(i => Enumerable.Range(0, matrix.Columns).Select(j => new System.Numerics.BigInteger(matrix[i, j])).ToArray())];
        int rank = 0;
        for (int column = 0; column < matrix.Columns && rank < rows.Length; column++)
        {
            int pivot = Array.FindIndex(rows, rank, row => !row[column].IsZero);
            if (pivot < 0) continue;
            (rows[rank], rows[pivot]) = (rows[pivot], rows[rank]);
            for (int i = rank + 1; i < rows.Length; i++)
                rows[i] = [.. rows[i].Zip(rows[rank], (below, above) => below * rows[rank][column] - above * rows[i][column])];
            rank++;
        }
        return rank;
    }
}
