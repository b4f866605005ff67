using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Ops;

namespace MoKA.Native.Tests.Kernels;

/// <summary>
/// Kernels that share work among threads, at sizes with several tasks, panels and blocks: every instruction set and number
/// of threads gives the bits of the scalar kernel on one thread.
/// </summary>
public sealed class SharedKernelTests
{
    [Fact]
    public void Attention()
    {
        const int tokens = 333, heads = 4, keyHeads = 2, headDim = 37;
        Sequences sequences = new(new[] { 0, 5, 305, tokens });
        SameBits(
            (tape, x) => Op.Attention(tape, x[0], x[1], x[2], heads, keyHeads, sequences),
            () => [Draw.Parameter(1, new Shape(tokens, heads * headDim)), Draw.Parameter(2, new Shape(tokens, keyHeads * headDim)), Draw.Parameter(3, new Shape(tokens, keyHeads * headDim))]);
    }

    [Theory]
    [InlineData(5, 9, 33, 7)]
    [InlineData(33, 7, 5, 9)]
    public void KroneckerMixture(int rowsA, int columnsA, int rowsB, int columnsB)
    {
        KroneckerShape shape = new(rowsA, columnsA, rowsB, columnsB);
        MixtureCase mixture = new([shape, new(1, 63, 165, 1), shape], 200, Gated: true, 1);
        SameBits(mixture.Apply, mixture.Inputs);
    }

    [Fact]
    public void CrossEntropy()
    {
        int[] labels = Draw.Integers(2, 150, 0, 516);
        SameBits((tape, x) => Op.CrossEntropy(tape, x[0], labels), () => [Draw.Parameter(1, new Shape(150, 517))]);
    }

    [Fact]
    public void RmsNorm() => SameBits((tape, x) => Op.RmsNorm(tape, x[0], x[1], 1e-5f), () => [Draw.Parameter(1, new Shape(150, 259)), Draw.Parameter(2, new Shape(259))]);

    [Fact]
    public void SwiGlu() => SameBits((tape, x) => Op.SwiGlu(tape, x[0], x[1]), () => [Draw.Parameter(1, new Shape(150, 259)), Draw.Parameter(2, new Shape(150, 259))]);

    private static void SameBits(OpUnderTest op, Func<Parameter[]> draw)
    {
        List<float[]> expected = Results(Cpus.Scalar, op, draw());
        foreach (Cpu cpu in Cpus.All)
        {
            List<float[]> actual = Results(cpu, op, draw());
            for (int i = 0; i < expected.Count; i++) Bits.Equal(expected[i], actual[i], $"result {i} on {cpu.InstructionSet} with {cpu.Threads} threads");
        }
    }

    /// <summary>The output, then the gradient of every input.</summary>
    private static List<float[]> Results(Cpu cpu, OpUnderTest op, Parameter[] inputs)
    {
        using Tape tape = new(cpu);
        Tensor y = op(tape, inputs);
        tape.Backward(WeightedSum.Of(tape, y, Draw.Normal(9, y.Shape.Count)));
        return [y.Data.ToArray(), .. inputs.Select(input => input.Gradient.ToArray())];
    }
}
