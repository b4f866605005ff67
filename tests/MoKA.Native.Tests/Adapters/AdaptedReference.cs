using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Adapters;

/// <summary>The textbook's adapted map under a cross-entropy: loss(W x + Δ (m ⊙ x)), m being the dropout mask of the pass.</summary>
internal sealed record AdaptedReference(Matrix<double> Weight, float Dropout, ulong Seed, int[] Labels)
{
    public double Loss(Matrix<double> x, Matrix<double> delta)
    {
        Matrix<double> dropped = Dropout == 0 ? x : Textbook.Build<double>(x.Rows, x.Columns, (t, j) => Op.Mask(Seed, stream: 0, t * x.Columns + j, Dropout) * x[t, j]);
        Matrix<double> y = Textbook.Add(Textbook.MatMul(x, Weight.Transposed), Textbook.MatMul(dropped, delta.Transposed));
        return Textbook.CrossEntropy(y, Labels).Data[0];
    }
}
