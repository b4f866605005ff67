using System.Globalization;
using System.Text;
using MoKA.Native.Kernels;
using MoKA.Native.Quantization;

namespace MoKA.Native.Bench;

/// <summary>The matrix product beside the measured peak of the same threads: a Markdown table.</summary>
internal static class GemmTable
{
    private static readonly (int M, int K, int N)[] Shapes =
        [(1024, 1024, 1024), (2048, 2048, 2048), (512, 2048, 2048), (512, 2048, 5632), (2048, 192, 512), (64, 768, 768), (7, 768, 768), (1, 768, 2048)];

    /// <summary>Measures all shapes at 1 and 2 threads on the widest instruction set.</summary>
    public static string Measure()
    {
        StringBuilder table = new();
        table.Append(CultureInfo.InvariantCulture, $"# Matrix product, float and 4-bit weights\n\n{Machine.Description}\n\nC [m, n] = A [m, k] B [k, n]; medians of 15. Peak: fused multiply-adds on registers alone, by the same threads, measured in the same run. xW: B as it lies; xWᵀ: B is the transpose of W [n, k], a linear layer; int4: the same with W in 4 bits, dequantised inside the product.\n");
        foreach (int threads in (int[])[1, 2])
        {
            using Cpu cpu = new(threads);
            double peak = Machine.PeakGigaflops(cpu);
            table.Append(CultureInfo.InvariantCulture, $"\n## {threads} thread{(threads > 1 ? "s" : "")}, peak {peak:0} GFLOP/s\n\n| m | k | n | xW GFLOP/s | of peak | xWᵀ GFLOP/s | of peak | int4 xWᵀ GFLOP/s | of float |\n|---|---|---|---|---|---|---|---|---|\n");
            foreach ((int m, int k, int n) in Shapes)
            {
                (double plain, double transposed, double int4) = Gigaflops(cpu, m, k, n);
                table.Append(CultureInfo.InvariantCulture, $"| {m} | {k} | {n} | {plain:0.0} | {plain / peak:0 %} | {transposed:0.0} | {transposed / peak:0 %} | {int4:0.0} | {int4 / transposed:0 %} |\n");
            }
        }
        return table.ToString();
    }

    private static (double Plain, double Transposed, double Int4) Gigaflops(Cpu cpu, int m, int k, int n)
    {
        float[] a = GemmBench.Numbers(m * k), b = GemmBench.Numbers(k * n), c = new float[m * n];
        using Int4Matrix quantized = Int4Matrix.Quantize(b, n, k);
        double flop = 2.0 * m * k * n / 1e9;
        double plain = Timing.Seconds(() => Gemm.Multiply(cpu, new MatrixSpan(a, m, k), new MatrixSpan(b, k, n), new MatrixSpan(c, m, n)));
        double transposed = Timing.Seconds(() => Gemm.Multiply(cpu, new MatrixSpan(a, m, k), new MatrixSpan(b, n, k).Transposed, new MatrixSpan(c, m, n)));
        double int4 = Timing.Seconds(() => Gemm.Multiply(cpu, new MatrixSpan(a, m, k), new Int4Panels(quantized.Codes, quantized.Scales, k, transpose: true), k, n, new MatrixSpan(c, m, n)));
        return (flop / plain, flop / transposed, flop / int4);
    }
}
