namespace MoKA.Native.LinearAlgebra;

/// <summary>
/// How many directions a matrix really uses: exp(H) with H = -Σ p_i ln p_i, the entropy of p_i = σ_i² / Σ σ_j² over its
/// singular values. It is 1 for a matrix of rank one, n for n equal singular values, never more than the rank, and does
/// not see a factor on the matrix. After Roy and Vetterli, "The effective rank: a measure of effective dimensionality",
/// 2007, who share out σ_i itself; with the squares a direction counts by the energy that it carries.
/// </summary>
/// <remarks>
/// Squared singular values are the eigenvalues of the matrix with its transpose, of which only the shorter side is formed.
/// Those of A ⊗ B are all products of one of A and one of B, so the entropies add and the effective ranks multiply. Those
/// of B A with r in between are the eigenvalues of √(BᵀB) (A Aᵀ) √(BᵀB) [r, r].
/// </remarks>
public static class EffectiveRank
{
    /// <summary>From squared singular values in any order; zero when all are.</summary>
    public static double OfEnergies(ReadOnlySpan<double> energies)
    {
        double sum = 0, entropy = 0;
        foreach (double e in energies) sum += Math.Max(0, e);
        if (sum == 0) return 0;
        foreach (double e in energies)
            if (e > 0) entropy -= e / sum * Math.Log(e / sum);
        return Math.Exp(entropy);
    }

    /// <summary>Of a matrix [rows, columns], row-major and finite.</summary>
    public static double OfMatrix(ReadOnlySpan<float> matrix, int rows, int columns)
    {
        bool tall = rows > columns;
        return OfEnergies(SymmetricEigenvalues.Of(tall ? Gram.OfColumns(matrix, rows, columns) : Gram.OfRows(matrix, rows, columns), Math.Min(rows, columns)));
    }

    /// <summary>Of B A with B [rows, rank] and A [rank, columns], which is never formed.</summary>
    public static double OfProduct(ReadOnlySpan<float> b, ReadOnlySpan<float> a, int rows, int rank, int columns)
    {
        JacobiSvd left = JacobiSvd.Of(Gram.OfColumns(b, rows, rank), rank, rank);
        double[] right = Gram.OfRows(a, rank, columns), half = new double[rank * rank], whole = new double[rank * rank];
        // BᵀB = V diag(s) Vᵀ. With F = V diag(√s): Fᵀ (A Aᵀ) F has the same eigenvalues as the symmetric root's form.
        for (int i = 0; i < rank; i++)
            for (int k = 0; k < rank; k++)
            {
                double along = Math.Sqrt(left.Values[k]);
                for (int j = 0; j < rank; j++) half[i * rank + k] += right[i * rank + j] * left.V[j * rank + k] * along;
            }
        for (int k = 0; k < rank; k++)
            for (int i = 0; i < rank; i++)
            {
                double factor = left.V[i * rank + k] * Math.Sqrt(left.Values[k]);
                for (int l = 0; l < rank; l++) whole[k * rank + l] += factor * half[i * rank + l];
            }
        return OfEnergies(SymmetricEigenvalues.Of(whole, rank));
    }

    /// <summary>About how many multiply-adds <see cref="OfMatrix"/> takes.</summary>
    public static double WorkOfMatrix(int rows, int columns)
    {
        double shorter = Math.Min(rows, columns), longer = Math.Max(rows, columns);
        return shorter * shorter * (longer / 2 + shorter);
    }

    /// <summary>About how many multiply-adds <see cref="OfProduct"/> takes.</summary>
    public static double WorkOfProduct(int rows, int rank, int columns) => (double)rank * rank * (((double)rows + columns) / 2 + 40.0 * rank);
}
