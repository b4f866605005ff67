using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

/// <summary>One product: the op computes (A ⊗ B) x in either order of its two steps.</summary>
[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 40)]
public sealed class KroneckerTests
{
    [Property]
    public void KeepsTheContract(Size rowsA, Size columnsA, Size rowsB, Size columnsB, Size tokens, ulong seed)
    {
        // Central differences build A ⊗ B for every input element, so the factors stay small.
        KroneckerShape shape = new(1 + rowsA % 5, 1 + columnsA % 5, 1 + rowsB % 6, 1 + columnsB % 6);
        MixtureCase mixture = new([shape], 1 + tokens % 4, Gated: false, seed);
        OpContract.Check((tape, x) => Op.Kronecker(tape, x[0], x[1], x[2]), mixture.Dense, mixture.Inputs());
    }

    [Property]
    public void TheOutputIsThatOfTheDenseMatrix(Size rowsA, Size columnsA, Size rowsB, Size columnsB, Size tokens, ulong seed)
    {
        MixtureCase mixture = new([new(rowsA, columnsA, rowsB, columnsB)], tokens, Gated: false, seed);
        Parameter[] inputs = mixture.Inputs();
        OpContract.Close("the output", mixture.Dense([.. inputs.Select(Draw.Exact)]).Data, mixture.Output(inputs));
    }

    [Theory]
    [InlineData(2, 3, 3, 4, true)]
    [InlineData(5, 2, 2, 3, false)]
    [InlineData(3, 3, 3, 3, false)]
    public void TakesTheCheaperOrder(int rowsA, int columnsA, int rowsB, int columnsB, bool aFirst)
    {
        KroneckerShape shape = new(rowsA, columnsA, rowsB, columnsB);
        Assert.Equal(aFirst, shape.AFirst);
        Assert.Equal(rowsA * columnsB * (columnsA + rowsB), shape.CostAFirst);
        Assert.Equal(columnsA * rowsB * (columnsB + rowsA), shape.CostBFirst);
        // 70 tokens are two blocks.
        MixtureCase mixture = new([shape], 70, Gated: false, 3);
        OpContract.Check((tape, x) => Op.Kronecker(tape, x[0], x[1], x[2]), mixture.Dense, mixture.Inputs());
    }

    [Fact]
    public void BothOrdersGiveTheSame()
    {
        // (A ⊗ B) x by the A-first order of one shape and (B ⊗ A) P x by the B-first order of its mirror.
        KroneckerShape shape = new(2, 5, 7, 3), mirror = new(7, 3, 2, 5);
        Assert.True(shape.AFirst ^ mirror.AFirst);
        Parameter[] inputs = new MixtureCase([shape], 4, Gated: false, 5).Inputs();
        Parameter[] mirrored = [Draw.Parameter(inputs[0].Shape, PermuteRows(inputs[0].Data, 5, 3)), inputs[2], inputs[1]];
        float[] direct = new MixtureCase([shape], 4, Gated: false, 5).Output(inputs), turned = new MixtureCase([mirror], 4, Gated: false, 5).Output(mirrored);
        OpContract.Close("the mirrored output", [.. PermuteRows(direct, 2, 7).Select(y => (double)y)], turned);
    }

    [Fact]
    public void RowMajorInputsDoNotMeanTheMirroredProduct()
    {
        // The trap: B X Aᵀ over the rows of x read as [ColumnsB, ColumnsA] is (B ⊗ A) x.
        MixtureCase mixture = new([new(3, 2, 2, 3)], 1, Gated: false, 8);
        Parameter[] inputs = mixture.Inputs();
        Matrix<double> x = Draw.Exact(inputs[0]), a = Draw.Exact(inputs[1]), b = Draw.Exact(inputs[2]);
        double[] trap = Textbook.MatMul(Textbook.MatMul(b, x.Reshaped(b.Columns, a.Columns)), a.Transposed).Data;
        double[] mirror = Textbook.MatMul(Textbook.Kronecker(b, a), x.Transposed).Data;
        float[] y = mixture.Output(inputs);
        OpContract.Close("the trap", mirror, [.. trap.Select(v => (float)v)]);
        OpContract.Close("A X Bᵀ", Textbook.MatMul(Textbook.MatMul(a, x.Reshaped(a.Columns, b.Columns)), b.Transposed).Data, y);
        Assert.Contains(Enumerable.Range(0, 6), i => Math.Abs(mirror[i] - y[i]) > 0.1);
    }

    [Fact]
    public void ColumnMajorInputsFollowTheVecRule()
    {
        // vec(B X Aᵀ) = (A ⊗ B) vec(X), vec stacking columns: the transposes are what row-major memory holds.
        MixtureCase mixture = new([new(2, 3, 5, 4)], 1, Gated: false, 9);
        Parameter[] inputs = mixture.Inputs();
        Matrix<double> x = Draw.Exact(inputs[0]).Reshaped(3, 4).Transposed, a = Draw.Exact(inputs[1]), b = Draw.Exact(inputs[2]);
        OpContract.Close("vec(B X Aᵀ)", Textbook.MatMul(Textbook.MatMul(b, x), a.Transposed).Transposed.Data, mixture.Output(inputs));
    }

    /// <summary>Each row, read as [outer, inner], transposed.</summary>
    private static float[] PermuteRows(ReadOnlySpan<float> rows, int outer, int inner)
    {
        float[] permuted = new float[rows.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            int row = i / (outer * inner), at = i % (outer * inner);
            permuted[row * outer * inner + at % inner * outer + at / inner] = rows[i];
        }
        return permuted;
    }
}
