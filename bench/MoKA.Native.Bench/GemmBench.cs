using BenchmarkDotNet.Attributes;
using MoKA.Native.Kernels;
using MoKA.Native.Quantization;

namespace MoKA.Native.Bench;

/// <summary>y = x Wᵀ with a float and with a 4-bit weight, on every instruction set, one thread.</summary>
[ShortRunJob]
public class GemmBench
{
    private Parameter _x = null!, _w = null!, _y = null!;
    private BlockMatrix _int4 = null!;
    private Cpu _cpu = null!;

    [Params(InstructionSet.Scalar, InstructionSet.Avx2, InstructionSet.Avx512)]
    public InstructionSet Set { get; set; }

    [Params(1, 512)]
    public int Tokens { get; set; }

    [Params(768)]
    public int Size { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _cpu = new Cpu(threads: 1, Set);
        _x = Numbers(Tokens * Size);
        _w = Numbers(Size * Size);
        _y = Numbers(Tokens * Size);
        _int4 = BlockMatrix.Quantize(_w.Data, Size, Size, BlockType.Q4_0);
    }

    [GlobalCleanup]
    public void Cleanup() => _cpu.Dispose();

    [Benchmark(Baseline = true)]
    public void Float() => Gemm.Multiply(_cpu, new MatrixSpan(_x.Data, Tokens, Size), new MatrixSpan(_w.Data, Size, Size).Transposed, new MatrixSpan(_y.Data, Tokens, Size));

    [Benchmark]
    public void Int4() => _int4.Multiply(_cpu, new MatrixSpan(_x.Data, Tokens, Size), new MatrixSpan(_y.Data, Tokens, Size), transpose: true);

    /// <summary>Numbers that lie as tensors do, from the beginning of a cache line on.</summary>
    internal static Parameter Numbers(int count)
    {
        Parameter numbers = new("numbers", new Shape(count), trainable: false);
        for (int i = 0; i < count; i++) numbers.Data[i] = MathF.Sin(i);
        return numbers;
    }
}
