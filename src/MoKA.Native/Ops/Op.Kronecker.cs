using MoKA.Native.Autograd;

namespace MoKA.Native.Ops;

public static partial class Op
{
    /// <summary>
    /// One Kronecker product applied to each row: y_t = (A ⊗ B) x_t, that is Y_t = A X_t Bᵀ with x_t read row by row as
    /// X_t [ColumnsA, ColumnsB]. With G_t = dL/dY_t: dA = Σ G_t B X_tᵀ, dB = Σ G_tᵀ A X_t, dX_t = Aᵀ G_t B.
    /// A ⊗ B is never built.
    /// </summary>
    /// <param name="tape">The record of this pass.</param>
    /// <param name="x">[tokens, ColumnsA * ColumnsB].</param>
    /// <param name="a">A [RowsA, ColumnsA].</param>
    /// <param name="b">B [RowsB, ColumnsB].</param>
    /// <returns>[tokens, RowsA * RowsB].</returns>
    public static Tensor Kronecker(Tape tape, Tensor x, Tensor a, Tensor b) =>
        KroneckerMixture(tape, x, new KroneckerFilter[] { new(a, b) }, gate: null);
}
