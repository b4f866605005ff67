using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace MoKA.Native.Bench.Torch;

/// <summary>Single operations.</summary>
internal static class Kernels
{
    /// <summary>C [m, n] = A [m, k] B [k, n], with B as it lies or as the transpose of W [n, k].</summary>
    public static object Gemm(ScalarType type, int m, int k, int n, bool transposed)
    {
        using IDisposable quiet = no_grad();
        Tensor a = randn(m, k).to(type), b = (transposed ? randn(n, k) : randn(k, n)).to(type);
        double milliseconds = Median.Milliseconds(() => _ = transposed ? nn.functional.linear(a, b) : mm(a, b), 11);
        return new { Milliseconds = milliseconds, Gigaflops = 2.0 * m * k * n / milliseconds / 1e6 };
    }

    /// <summary>Causal attention of one sequence, forward and back.</summary>
    public static object Attention(int tokens, int heads, int headDim)
    {
        const int warmUp = 4, runs = 9;
        Tensor[] inputs = [.. Enumerable.Range(0, 3).Select(_ => randn(1, heads, tokens, headDim).requires_grad_())];
        Tensor slope = ones(1, heads, tokens, headDim);
        List<double> forward = [], backward = [];
        for (int run = -warmUp; run < runs; run++)
        {
            using DisposeScope scope = NewDisposeScope();
            long start = Stopwatch.GetTimestamp();
            Tensor y = nn.functional.scaled_dot_product_attention(inputs[0], inputs[1], inputs[2], is_casual: true);
            double first = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            start = Stopwatch.GetTimestamp();
            y.backward([slope]);
            double second = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            foreach (Tensor input in inputs) input.grad = null;
            if (run < 0) continue;
            forward.Add(first);
            backward.Add(second);
        }
        return new { ForwardMilliseconds = Median.Of(forward), BackwardMilliseconds = Median.Of(backward), PeakBytes = Memory.PeakBytes() };
    }

    /// <summary>y_t = A X_t Bᵀ for rows x_t read as X_t [columnsA, columnsB]: the factored product by reshaping.</summary>
    public static object Kronecker(int tokens, int rowsA, int columnsA, int rowsB, int columnsB)
    {
        using IDisposable quiet = no_grad();
        Tensor a = randn(rowsA, columnsA), b = randn(rowsB, columnsB), x = randn(tokens, columnsA * columnsB);
        return new { Milliseconds = Median.Milliseconds(() => matmul(a, matmul(x.view(tokens, columnsA, columnsB), b.t())).reshape(tokens, rowsA * rowsB), 11) };
    }
}
