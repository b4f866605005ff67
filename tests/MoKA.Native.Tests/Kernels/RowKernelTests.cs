using MoKA.Native.Kernels;
using MoKA.Native.Optim;

namespace MoKA.Native.Tests.Kernels;

/// <summary>Every kernel over a row gives the bits of its scalar form at every length up to a few registers.</summary>
public sealed class RowKernelTests
{
    private const int Longest = 257;

    public static TheoryData<InstructionSet> WideSets => [InstructionSet.Avx2, InstructionSet.Avx512];

    /// <summary>Runs on rows a, b, c, d of n numbers and changes some of them.</summary>
    private delegate void RowKernel(InstructionSet set, float[] a, float[] b, float[] c, float[] d);

    [SkippableTheory, MemberData(nameof(WideSets))]
    public void Exponentials(InstructionSet set) => SameBits(set, (on, a, _, _, _) => Softmax.Exponentials(on, a, 1.5f, 0.25f, 3));

    [SkippableTheory, MemberData(nameof(WideSets))]
    public void ExponentialsInPlace(InstructionSet set) => SameBits(set, (on, a, b, _, _) =>
    {
        if (a.Length > 0) (b[0], _) = Softmax.ExponentialsInPlace(on, a, 0.7f);
    });

    [SkippableTheory, MemberData(nameof(WideSets))]
    public void SwiGlu(InstructionSet set)
    {
        SameBits(set, (on, gate, up, y, _) => SwiGluKernels.Forward(on, gate, up, y));
        foreach (bool add in (bool[])[false, true])
            SameBits(set, (on, gate, up, dGate, dUp) => SwiGluKernels.Backward(on, gate, up, [.. gate.Reverse()], dGate, add, dUp, !add));
    }

    [SkippableTheory, MemberData(nameof(WideSets))]
    public void RmsNorm(InstructionSet set)
    {
        SameBits(set, (on, x, gain, y, _) => RmsNormKernels.Forward(on, x, gain, 0.3f, y));
        foreach (bool add in (bool[])[false, true])
            SameBits(set, (on, x, gain, dy, dx) => RmsNormKernels.Backward(on, x, gain, 0.3f, dy, new float[x.Length], dx, add));
        SameBits(set, (on, x, dy, dGain, _) => RmsNormKernels.GainGradient(on, x, dy, 0.3f, dGain));
    }

    [SkippableTheory, MemberData(nameof(WideSets))]
    public void AdamWSteps(InstructionSet set) => SameBits(set, (on, theta, gradient, _, _) =>
    {
        using Parameter parameter = Draw.Parameter(new Shape(1, theta.Length), theta);
        using AdamW adam = new([parameter], new AdamWOptions(WeightDecay: 0.1f));
        using Cpu cpu = new(1, on);
        for (int step = 0; step < 3; step++)
        {
            gradient.CopyTo(parameter.Gradient);
            adam.Step(cpu, 0.01f);
        }
        parameter.Data.CopyTo(theta);
    });

    [SkippableTheory, MemberData(nameof(WideSets))]
    public void Rope(InstructionSet set)
    {
        Require(set);
        for (int pairs = 1; pairs <= 67; pairs++)
        {
            RopeTable table = new(2 * pairs, 9, 10_000);
            table.Reach(table.Positions);
            float[] x = Draw.Normal(1, 5 * 2 * 2 * pairs), y = Draw.Normal(2, x.Length);
            foreach ((bool backwards, bool accumulate) in ((bool, bool)[])[(false, false), (true, true)])
                foreach (Cpu cpu in Cpus.All.Where(cpu => cpu.InstructionSet == set))
                {
                    float[] expected = [.. y], actual = [.. y];
                    Sequences sequences = new(new[] { 0, 2, 5 }, 4);
                    RopeKernel.Rotate(Cpus.Scalar, new MatrixSpan(x, 5, 4 * pairs), table, sequences, backwards, new MatrixSpan(expected, 5, 4 * pairs), accumulate);
                    RopeKernel.Rotate(cpu, new MatrixSpan(x, 5, 4 * pairs), table, sequences, backwards, new MatrixSpan(actual, 5, 4 * pairs), accumulate);
                    Bits.Equal(expected, actual, $"{pairs} pairs on {set}");
                }
        }
    }

    private static void SameBits(InstructionSet set, RowKernel kernel)
    {
        Require(set);
        for (int n = 0; n <= Longest; n++)
        {
            float[][] expected = Rows(n), actual = Rows(n);
            kernel(InstructionSet.Scalar, expected[0], expected[1], expected[2], expected[3]);
            kernel(set, actual[0], actual[1], actual[2], actual[3]);
            for (int row = 0; row < 4; row++) Bits.Equal(expected[row], actual[row], $"row {row} of {n} numbers on {set}");
        }
    }

    private static float[][] Rows(int n) => [.. Enumerable.Range(0, 4).Select(row => Draw.Normal((ulong)row, n))];

    private static void Require(InstructionSet set) => Skip.If(set > InstructionSets.Widest, $"This machine has no {set}.");
}
