using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.LinearAlgebra;

/// <summary>
/// <see cref="EffectiveRank"/> of a matrix too large to be decomposed, from products with it. With λ the eigenvalues of
/// M = D Dᵀ and t = Σ λ its trace, H = ln t - Σ λ ln λ / t, so two traces are needed. The part of both in some of the
/// strongest directions is taken as it is, that of all others from random directions z orthogonal to them, whose zᵀ M z and
/// zᵀ M ln M z have the traces as their means (Hutch++: Meyer, Musco, Musco and Woodruff, arXiv 2010.09649; stochastic
/// Lanczos quadrature: Ubaru, Chen and Saad 2017). The second trace is told from the first by the ratio of the two forms,
/// which rise and fall together; the first is measured on many more directions, as it costs one product each.
/// </summary>
/// <param name="Value">The estimate; zero for a matrix of zeros.</param>
/// <param name="StandardError">Its standard error, told from how far the random directions differ.</param>
public readonly record struct EffectiveRankEstimate(double Value, double StandardError)
{
    /// <summary>Directions whose part is taken as it is, random ones with their quadrature, and random ones for the trace alone.</summary>
    public const int Strongest = 16, Probes = 16, TraceProbes = 256;

    /// <summary>The nodes of a quadrature; on spectra without a gap at zero its error is below a thousandth of the rank.</summary>
    private const int Steps = 20;

    /// <summary>Estimates; the figure is a function of the matrix and the seed alone.</summary>
    /// <param name="cpu">What the products run on.</param>
    /// <param name="d">The matrix.</param>
    /// <param name="seed">What the random directions are drawn from.</param>
    public static EffectiveRankEstimate Of(Cpu cpu, LinearOperator d, ulong seed = 0)
    {
        int length = Math.Min(d.Rows, d.Columns);
        List<double[]> strongest = StrongestOf(cpu, d, Math.Min(Strongest, length), seed);
        int free = length - strongest.Count;
        double[][] probes = [.. Enumerable.Range(0, free == 0 ? 0 : Probes).Select(i => Apart(Drawn(length, seed, (ulong)i + 1), strongest))];
        (double S, double F)[] forms = [.. LanczosQuadrature.Of(cpu, d, [.. strongest, .. probes], Steps).Select(Forms)];
        (double S, double F)[] random = forms[strongest.Count..];
        double kept = forms[..strongest.Count].Sum(f => f.S), keptF = forms[..strongest.Count].Sum(f => f.F);
        double[] lengths = free == 0 ? [] : SquaresOf(cpu, d, strongest, length, seed);
        double rest = lengths.Length == 0 ? 0 : lengths.Average(), sumS = random.Sum(f => f.S);
        double ratio = sumS > 0 ? random.Sum(f => f.F) / sumS : 0, t = kept + rest;
        if (t <= 0) return default;
        double f = keptF + rest * ratio, entropy = Math.Log(t) - f / t;
        double ofRest = (1 + f / t - ratio) / t * Deviation(lengths), ofRatio = sumS > 0 ? rest / t * Deviation([.. random.Select(r => r.F - ratio * r.S)]) / (sumS / random.Length) : 0;
        double value = Math.Clamp(Math.Exp(entropy), 1, length);
        return new EffectiveRankEstimate(value, value * Math.Sqrt(ofRest * ofRest + ofRatio * ofRatio));
    }

    /// <summary>zᵀ M z and zᵀ M ln M z.</summary>
    private static (double S, double F) Forms((double Node, double Weight)[] rule)
    {
        double s = 0, f = 0;
        foreach ((double node, double weight) in rule)
            if (node > 0) (s, f) = (s + weight * node, f + weight * node * Math.Log(node));
        return (s, f);
    }

    /// <summary>The standard deviation of a mean of these.</summary>
    private static double Deviation(double[] values)
    {
        if (values.Length < 2) return 0;
        double mean = values.Average();
        return Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1.0) / values.Length);
    }

    /// <summary>Orthonormal rows near the leading singular vectors of the shorter side, fewer where there are no more directions.</summary>
    private static List<double[]> StrongestOf(Cpu cpu, LinearOperator d, int count, ulong seed)
    {
        int length = Math.Min(d.Rows, d.Columns);
        using Tape tape = new(cpu, gradients: false);
        using Parameter directions = new("directions", new Shape(count, length), trainable: false);
        directions.FillNormal(1, seed, stream: 0);
        List<double[]> rows = [];
        for (int turn = 0; turn < 3; turn++)
        {
            tape.Reset();
            ReadOnlySpan<float> images = LanczosQuadrature.Square(tape, d, directions).Data;
            rows.Clear();
            for (int i = 0; i < count; i++)
            {
                double[] row = Doubles(images.Slice(i * length, length));
                double before = Norm(row), after = Norm(Apart(Apart(row, rows), rows));
                // What others leave of a row is rounding where it is so little.
                if (!(after > 1e-6 * before)) continue;
                for (int j = 0; j < length; j++) row[j] /= after;
                rows.Add(row);
            }
            directions.Data.Clear();
            for (int i = 0; i < rows.Count; i++)
                for (int j = 0; j < length; j++) directions.Data[i * length + j] = (float)rows[i][j];
        }
        return rows;
    }

    /// <summary>zᵀ M z = ‖Dᵀ z‖² of random directions apart from the strongest.</summary>
    private static double[] SquaresOf(Cpu cpu, LinearOperator d, List<double[]> strongest, int length, ulong seed)
    {
        using Tape tape = new(cpu, gradients: false);
        using Parameter directions = new("directions", new Shape(TraceProbes, length), trainable: false);
        for (int i = 0; i < TraceProbes; i++)
        {
            double[] z = Apart(Drawn(length, seed, (ulong)(Probes + 1 + i)), strongest);
            for (int j = 0; j < length; j++) directions.Data[i * length + j] = (float)z[j];
        }
        Tensor images = d.Rows <= d.Columns ? d.TransposeTimes(tape, directions) : d.Times(tape, directions);
        int columns = images.Shape[1];
        double[] squares = new double[TraceProbes];
        for (int i = 0; i < TraceProbes; i++) squares[i] = FrobeniusNorm.Square(images.Data.Slice(i * columns, columns));
        return squares;
    }

    /// <summary>Signs, whose forms differ least.</summary>
    private static double[] Drawn(int length, ulong seed, ulong stream)
    {
        double[] z = new double[length];
        for (int i = 0; i < length; i++) z[i] = (CounterRandom.Bits(seed, stream, (ulong)i) & 1) == 0 ? 1 : -1;
        return z;
    }

    /// <summary>Takes from a row what lies along orthonormal ones, in place.</summary>
    private static double[] Apart(double[] row, List<double[]> orthonormal)
    {
        foreach (double[] other in orthonormal)
        {
            double along = 0;
            for (int i = 0; i < row.Length; i++) along += row[i] * other[i];
            for (int i = 0; i < row.Length; i++) row[i] -= along * other[i];
        }
        return row;
    }

    private static double Norm(double[] row)
    {
        double square = 0;
        foreach (double x in row) square += x * x;
        return Math.Sqrt(square);
    }

    private static double[] Doubles(ReadOnlySpan<float> numbers)
    {
        double[] doubles = new double[numbers.Length];
        for (int i = 0; i < doubles.Length; i++) doubles[i] = numbers[i];
        return doubles;
    }
}
