using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Adapters;

/// <summary>What the textbook's adapters have in common.</summary>
internal static class AdaptedReference
{
    /// <summary>x with the mask that a pass of this seed draws first.</summary>
    public static Matrix<double> Dropped(Matrix<double> x, float probability, ulong seed) => probability == 0
        ? x
        : Textbook.Build<double>(x.Rows, x.Columns, (t, j) => Op.Mask(seed, stream: 0, t * x.Columns + j, probability) * x[t, j]);

    /// <summary>W x + Δ d for each row.</summary>
    public static Matrix<double> Additive(Matrix<double> weight, Matrix<double> delta, Matrix<double> x, Matrix<double> dropped) =>
        Textbook.Add(Textbook.MatMul(x, weight.Transposed), Textbook.MatMul(dropped, delta.Transposed));
}
