using BenchmarkDotNet.Attributes;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;

namespace MoKA.Native.Bench;

/// <summary>One filter of a 1024 x 1024 map applied to 256 tokens, against the product with the dense A ⊗ B.</summary>
[ShortRunJob]
public class KroneckerBench
{
    private const int Tokens = 256, Size = 1024;
    private Parameter _x = null!, _dense = null!;
    private KroneckerFilter _filter;
    private Cpu _cpu = null!;
    private Tape _tape = null!;

    /// <summary>Rows and columns of A; B has the rest.</summary>
    [Params("32x32", "8x128", "128x8")]
    public string A { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        _cpu = new Cpu(threads: 1);
        _tape = new Tape(_cpu, gradients: false);
        int[] sides = [.. A.Split('x').Select(int.Parse)];
        _x = Filled("x", Tokens, Size);
        _dense = Filled("dense", Size, Size);
        _filter = new KroneckerFilter(Filled("A", sides[0], sides[1]), Filled("B", Size / sides[0], Size / sides[1]));
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _tape.Dispose();
        _cpu.Dispose();
    }

    [Benchmark(Baseline = true)]
    public float Dense()
    {
        _tape.Reset();
        return Op.MatMul(_tape, _x, _dense, transposeB: true).Data[0];
    }

    [Benchmark]
    public float Kronecker()
    {
        _tape.Reset();
        return Op.Kronecker(_tape, _x, _filter.A, _filter.B).Data[0];
    }

    private static Parameter Filled(string name, int rows, int columns)
    {
        Parameter parameter = new(name, new Shape(rows, columns), trainable: false);
        parameter.FillUniform(1, seed: 1, stream: (ulong)name[0]);
        return parameter;
    }
}
