using System.Numerics;

namespace MoKA.Native.Tests.Reference;

internal static partial class Textbook
{
    /// <summary>c Σ_i α_i A_i ⊗ B_i as a matrix.</summary>
    public static Matrix<T> MixtureMatrix<T>(IReadOnlyList<(Matrix<T> A, Matrix<T> B)> filters, T[] weights, T scale) where T : IFloatingPointIeee754<T> =>
        filters.Select((filter, i) => Scaled(scale * weights[i], Kronecker(filter.A, filter.B))).Aggregate(Add);

    /// <summary>Rows x_t to c Σ_i α_i (A_i ⊗ B_i) x_t; α = softmax(gate / τ), or ones without a gate.</summary>
    public static Matrix<T> Mixture<T>(Matrix<T> x, IReadOnlyList<(Matrix<T> A, Matrix<T> B)> filters, Matrix<T>? gate, T scale, T temperature) where T : IFloatingPointIeee754<T>
    {
        T[] weights = gate is null ? [.. filters.Select(_ => T.One)] : Softmax([.. gate.Data.Select(g => g / temperature)]);
        return MatMul(x, MixtureMatrix(filters, weights, scale).Transposed);
    }
}
