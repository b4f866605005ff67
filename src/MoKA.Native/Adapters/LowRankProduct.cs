using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.LinearAlgebra;
using MoKA.Native.Ops;

namespace MoKA.Native.Adapters;

/// <summary>
/// An update as B A with B [out, rank] and A [rank, in]. A sum of Kronecker products is one exactly: with A_i = U_a V_a and
/// B_i = U_b V_b, A_i ⊗ B_i = (U_a ⊗ U_b)(V_a ⊗ V_b), of rank r_a r_b; side by side the terms' ranks add up. Any other update
/// is met best by its leading singular triples (Eckart and Young, 1936).
/// </summary>
/// <param name="Outputs">out.</param>
/// <param name="Inputs">in.</param>
/// <param name="Rank">The length between the two.</param>
/// <param name="B">[out, rank].</param>
/// <param name="A">[rank, in].</param>
public sealed record LowRankProduct(int Outputs, int Inputs, int Rank, float[] B, float[] A)
{
    /// <summary>The rank that <see cref="Exact"/> has for these terms.</summary>
    public static long ExactRank(IReadOnlyList<KroneckerTerm> terms) => terms.Sum(t => t.Rank);

    /// <summary>The sum of the terms, their scales in B.</summary>
    /// <exception cref="MokaException">The rank is larger than an adapter may have.</exception>
    public static LowRankProduct Exact(IReadOnlyList<KroneckerTerm> terms)
    {
        (int outputs, int inputs) = (terms[0].Shape.Out, terms[0].Shape.In);
        if (ExactRank(terms) > LoraOptions.HighestRank) throw new MokaException($"Rank: the exact one is {ExactRank(terms)}, at most {LoraOptions.HighestRank} can be stored; give a rank or an energy.");
        int rank = (int)ExactRank(terms), column = 0;
        float[] b = new float[checked(outputs * rank)], a = new float[checked(rank * inputs)];
        foreach (KroneckerTerm term in terms)
        {
            // Columns of U_a ⊗ U_b and rows of V_a ⊗ V_b are numbered alike: k r_b + l.
            for (int k = 0; k < term.A.Rank; k++)
                for (int l = 0; l < term.B.Rank; l++, column++)
                {
                    for (int p = 0; p < term.A.Rows; p++)
                        for (int q = 0; q < term.B.Rows; q++)
                            b[(p * term.B.Rows + q) * rank + column] = term.Scale * term.A.Left[p * term.A.Rank + k] * term.B.Left[q * term.B.Rank + l];
                    for (int j = 0; j < term.A.Columns; j++)
                        for (int m = 0; m < term.B.Columns; m++)
                            a[column * inputs + j * term.B.Columns + m] = term.A.Right[k * term.A.Columns + j] * term.B.Right[l * term.B.Columns + m];
                }
        }
        return new LowRankProduct(outputs, inputs, rank, b, a);
    }

    /// <summary>The nearest of a rank: B = U diag(s), A = Vᵀ of the leading singular triples.</summary>
    /// <param name="cpu">What the large products run on.</param>
    /// <param name="update">ΔW [out, in], finite.</param>
    /// <param name="rank">At most so many triples.</param>
    public static LowRankProduct Nearest(Cpu cpu, Tensor update, int rank) => Of(update, TruncatedSvd.Of(cpu, update, Math.Min(rank, Shorter(update))));

    /// <summary>The nearest of the least rank whose squared singular values are at least a share of all, in (0, 1].</summary>
    /// <param name="cpu">What the large products run on.</param>
    /// <param name="update">ΔW [out, in], finite.</param>
    /// <param name="energy">The share.</param>
    /// <param name="terms">What the update is the sum of, if that is known: where the rank would be theirs, they are taken as they are.</param>
    public static LowRankProduct WithEnergy(Cpu cpu, Tensor update, double energy, IReadOnlyList<KroneckerTerm>? terms = null)
    {
        double wanted = energy * FrobeniusNorm.Square(update.Data);
        long exact = terms is null ? long.MaxValue : ExactRank(terms);
        // How many triples that takes is not known before: twice as many until they do.
        for (int count = Math.Min(16, Shorter(update)); ; count = Math.Min(2 * count, Shorter(update)))
        {
            TruncatedSvd svd = TruncatedSvd.Of(cpu, update, count);
            double sum = 0;
            int rank = 0;
            for (; rank < svd.Count && (rank == 0 || sum < wanted); rank++) sum += svd.Values[rank] * svd.Values[rank];
            if (sum >= wanted || count >= Math.Min(exact, Shorter(update))) return exact <= rank ? Exact(terms!) : Of(update, svd, rank);
        }
    }

    /// <summary>‖ΔW - B A‖ / ‖ΔW‖, Frobenius; for an update of zeros 0 if B A is zero too, else infinite.</summary>
    public double RelativeError(Cpu cpu, Tensor update)
    {
        using Tape tape = new(cpu, gradients: false);
        using Parameter b = Parameter("B", Outputs, Rank, B), a = Parameter("A", Rank, Inputs, A);
        ReadOnlySpan<float> product = Op.MatMul(tape, b, a).Data, exact = update.Data;
        double square = 0, norm = FrobeniusNorm.Square(exact);
        for (int i = 0; i < exact.Length; i++) square += ((double)exact[i] - product[i]) * ((double)exact[i] - product[i]);
        GC.KeepAlive(update); // a parameter's memory must outlive the span that reads it
        return square == 0 ? 0 : Math.Sqrt(square / norm);
    }

    /// <summary>The same as an adapter.</summary>
    /// <param name="alpha">α; <see cref="Rank"/> unless given, which makes the scale 1.</param>
    public LoraAdapter ToLora(float? alpha = null)
    {
        LoraAdapter lora = new(Outputs, Inputs, new LoraOptions { Rank = Rank, Alpha = alpha ?? Rank }, seed: 0, stream: 0);
        A.CopyTo(lora.A.Data);
        B.CopyTo(lora.B.Data);
        return lora;
    }

    private static LowRankProduct Of(Tensor update, TruncatedSvd svd, int? kept = null)
    {
        int outputs = update.Shape[0], inputs = update.Shape[1], rank = kept ?? svd.Count;
        float[] b = new float[outputs * rank], a = new float[rank * inputs];
        for (int k = 0; k < rank; k++)
        {
            for (int i = 0; i < outputs; i++) b[i * rank + k] = (float)(svd.U[i * svd.Count + k] * svd.Values[k]);
            for (int j = 0; j < inputs; j++) a[k * inputs + j] = (float)svd.V[j * svd.Count + k];
        }
        return new LowRankProduct(outputs, inputs, rank, b, a);
    }

    private static Parameter Parameter(string name, int rows, int columns, float[] numbers)
    {
        Parameter parameter = new(name, new Shape(rows, columns), trainable: false);
        numbers.CopyTo(parameter.Data);
        return parameter;
    }

    private static int Shorter(Tensor update) => Math.Min(update.Shape[0], update.Shape[1]);
}
