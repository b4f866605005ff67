using MoKA.Native.Kernels;
using MoKA.Native.Llama;
using MoKA.Native.Quantization;
using static MoKA.Native.Bench.Tables.Markdown;

namespace MoKA.Native.Bench.Tables;

/// <summary>The matrix product beside the measured peak of the same threads, and PyTorch.</summary>
internal static class GemmTable
{
    private static readonly (int M, int K, int N)[] Shapes =
        [(1024, 1024, 1024), (2048, 2048, 2048), (512, 2048, 2048), (512, 2048, 5632), (1024, 768, 768), (2048, 192, 512), (64, 768, 768), (512, 16, 768), (512, 768, 16), (7, 768, 768), (3, 768, 768), (1, 768, 2048)];

    public static string Measure()
    {
        Peer peer = new();
        Markdown text = new("Matrix product, float and 4-bit weights",
            "C [m, n] = A [m, k] B [k, n]; medians of 15. Peak: fused multiply-adds on registers alone, by the same threads, in the same run. xW: B as it lies; xWᵀ: B is the transpose of W [n, k], a linear layer; int4: the same with W in 4 bits, dequantised inside the product.",
            peer.Description);
        foreach (int threads in (int[])[1, 2])
        {
            using Cpu cpu = new(threads);
            double peak = Machine.PeakGigaflops(cpu);
            text.Section($"{threads} thread{(threads > 1 ? "s" : "")}, peak {Number(peak, 0)} GFLOP/s");
            text.Head("m", "k", "n", "xW GFLOP/s", "of peak", "xWᵀ GFLOP/s", "of peak", "int4 xWᵀ", "of float", "PyTorch xW", "we are", "PyTorch xWᵀ", "we are", "PyTorch bf16 xWᵀ");
            foreach ((int m, int k, int n) in Shapes)
            {
                (double plain, double transposed, double? int4) = Gigaflops(cpu, m, k, n);
                double? Torch(string type, string layout) => peer.Ask("gemm", threads, type, m, k, n, layout)?.GetProperty("Gigaflops").GetDouble();
                double? torch = Torch("float32", "plain"), torchTransposed = Torch("float32", "transposed");
                text.Row($"{m}", $"{k}", $"{n}", Number(plain), Share(plain / peak), Number(transposed), Share(transposed / peak), Number(int4), Share(int4 / transposed),
                    Number(torch), Times(plain / torch), Number(torchTransposed), Times(transposed / torchTransposed), Number(Torch("bfloat16", "transposed")));
            }
        }
        return text.ToString();
    }

    /// <summary>GFLOP/s of xW, xWᵀ and xWᵀ in 4 bits.</summary>
    public static (double Plain, double Transposed, double? Int4) Gigaflops(Cpu cpu, int m, int k, int n)
    {
        using Parameter a = GemmBench.Numbers(m * k), b = GemmBench.Numbers(k * n), c = GemmBench.Numbers(m * n);
        double flop = 2.0 * m * k * n / 1e9;
        Action plain = () => Gemm.Multiply(cpu, new MatrixSpan(a.Data, m, k), new MatrixSpan(b.Data, k, n), new MatrixSpan(c.Data, m, n));
        Action transposed = () => Gemm.Multiply(cpu, new MatrixSpan(a.Data, m, k), new MatrixSpan(b.Data, n, k).Transposed, new MatrixSpan(c.Data, m, n));
        using BlockMatrix? quantized = k % 32 == 0 ? BlockMatrix.Quantize(b.Data, n, k, BlockType.Q4_0) : null;
        double[] seconds = Timing.SecondsInTurn(quantized is null ? [plain, transposed] : [plain, transposed, () => quantized.Multiply(cpu, new MatrixSpan(a.Data, m, k), new MatrixSpan(c.Data, m, n), transpose: true)]);
        return (flop / seconds[0], flop / seconds[1], quantized is null ? null : flop / seconds[2]);
    }
}
