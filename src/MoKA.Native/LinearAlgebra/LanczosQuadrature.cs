using MoKA.Native.Autograd;
using MoKA.Native.Kernels;

namespace MoKA.Native.LinearAlgebra;

/// <summary>
/// Quadratic forms zᵀ f(M) z of M = D Dᵀ, or Dᵀ D where that is smaller, without M: some steps of Lanczos from z give a
/// tridiagonal matrix whose eigenvalues and first components of eigenvectors are a Gauss rule for the spectrum as z sees it
/// (Golub and Welsch 1969; Golub and Meurant, "Matrices, Moments and Quadrature", 2010). Products with D are in float, all
/// vectors' at once; recurrences, and every vector's orthogonality to all before it, are in double.
/// </summary>
internal static class LanczosQuadrature
{
    /// <summary>M times each row of x, on the tape.</summary>
    public static Tensor Square(Tape tape, LinearOperator d, Tensor x) => d.Rows <= d.Columns ? d.Times(tape, d.TransposeTimes(tape, x)) : d.TransposeTimes(tape, d.Times(tape, x));

    /// <summary>The Gauss rule of each start: zᵀ f(M) z ≈ Σ weight f(node). A start of zeros has none.</summary>
    /// <param name="cpu">What the products run on.</param>
    /// <param name="d">D.</param>
    /// <param name="starts">z, rows of the shorter side's length.</param>
    /// <param name="steps">At most so many nodes each.</param>
    public static (double Node, double Weight)[][] Of(Cpu cpu, LinearOperator d, IReadOnlyList<double[]> starts, int steps)
    {
        Recurrence[] recurrences = [.. starts.Select(z => new Recurrence(z, steps))];
        int length = Math.Min(d.Rows, d.Columns);
        using Tape tape = new(cpu, gradients: false);
        using Parameter current = new("current", new Shape(Math.Max(1, starts.Count), length), trainable: false);
        for (int step = 0; step < Math.Min(steps, length) && recurrences.Any(r => !r.Done); step++)
        {
            for (int i = 0; i < recurrences.Length; i++) recurrences[i].CopyCurrent(current.Data.Slice(i * length, length));
            tape.Reset();
            StepJob job = new(recurrences, Square(tape, d, current).Data);
            cpu.Run(recurrences.Length, ref job);
        }
        return [.. recurrences.Select(r => r.Rule())];
    }

    /// <summary>What has come of one start: the basis, and the tridiagonal matrix's two diagonals.</summary>
    private sealed class Recurrence
    {
        // Of the largest entry so far: below it a new direction is rounding of the products in float.
        private const double Nothing = 1e-6;
        private readonly double _square;
        private readonly List<double[]> _basis = [];
        private readonly List<double> _diagonal = [], _beside = [];
        private readonly int _steps;
        private double _largest;

        public Recurrence(double[] start, int steps)
        {
            (_square, _steps) = (InnerProduct.Of<double>(start, start), steps);
            if (_square > 0) _basis.Add([.. start.Select(x => x / Math.Sqrt(_square))]);
            else Done = true;
        }

        public bool Done { get; private set; }

        public void CopyCurrent(Span<float> to)
        {
            if (Done) to.Clear();
            else for (int i = 0; i < to.Length; i++) to[i] = (float)_basis[^1][i];
        }

        /// <summary>Takes M times the current vector.</summary>
        public void Advance(ReadOnlySpan<float> product)
        {
            if (Done) return;
            double[] next = new double[product.Length];
            for (int i = 0; i < next.Length; i++) next[i] = product[i];
            double along = InnerProduct.Of<double>(next, _basis[^1]);
            _diagonal.Add(along);
            _largest = Math.Max(_largest, Math.Abs(along));
            if (Done = _diagonal.Count == Math.Min(_steps, next.Length)) return;
            foreach (double[] before in _basis) Subtract(next, before);
            double norm = Math.Sqrt(InnerProduct.Of<double>(next, next));
            if (Done = norm <= Nothing * _largest) return;
            for (int i = 0; i < next.Length; i++) next[i] /= norm;
            _beside.Add(norm);
            _basis.Add(next);
        }

        public (double Node, double Weight)[] Rule()
        {
            int size = _diagonal.Count;
            if (size == 0) return [];
            double[] matrix = new double[size * size];
            for (int i = 0; i < size; i++)
            {
                matrix[i * size + i] = _diagonal[i];
                if (i + 1 < size) matrix[i * size + i + 1] = matrix[(i + 1) * size + i] = _beside[i];
            }
            // M has no negative eigenvalue, so singular values and eigenvalues are the same but for rounding.
            JacobiSvd svd = JacobiSvd.Of(matrix, size, size);
            return [.. svd.Values.Select((node, k) => (node, _square * svd.V[k] * svd.V[k]))];
        }

        private static void Subtract(double[] from, double[] direction)
        {
            double along = InnerProduct.Of<double>(from, direction);
            for (int i = 0; i < from.Length; i++) from[i] -= along * direction[i];
        }
    }

    private readonly ref struct StepJob(Recurrence[] recurrences, ReadOnlySpan<float> products) : IJob
    {
        private readonly ReadOnlySpan<float> _products = products;

        public void Run(int item, Worker worker)
        {
            int length = _products.Length / recurrences.Length;
            recurrences[item].Advance(_products.Slice(item * length, length));
        }
    }
}
