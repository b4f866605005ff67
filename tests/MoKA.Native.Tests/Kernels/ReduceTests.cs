using MoKA.Native.Kernels;

namespace MoKA.Native.Tests.Kernels;

/// <summary>Sums follow the one tree of 64 lanes that the reduction promises, on every instruction set.</summary>
public sealed class ReduceTests
{
    private const int Longest = 257;

    [Fact]
    public void DotFollowsTheTree()
    {
        float[] a = Draw.Normal(1, Longest), b = Draw.Normal(2, Longest);
        for (int n = 0; n <= Longest; n++)
        {
            float expected = Tree(n, (i, sum) => MathF.FusedMultiplyAdd(a[i], b[i], sum));
            foreach (InstructionSet set in Cpus.Sets) Bits.Equal([expected], [Reduce.Dot(set, a.AsSpan(0, n), b.AsSpan(0, n))], $"dot of {n} on {set}");
        }
    }

    [Fact]
    public void SumFollowsTheTree()
    {
        float[] a = Draw.Normal(3, Longest);
        for (int n = 0; n <= Longest; n++)
        {
            float expected = Tree(n, (i, sum) => sum + a[i]);
            foreach (InstructionSet set in Cpus.Sets) Bits.Equal([expected], [Reduce.Sum(set, a.AsSpan(0, n))], $"sum of {n} on {set}");
        }
    }

    [Fact]
    public void PaddingWithZerosAddsNothing()
    {
        float[] a = Draw.Normal(4, 100), padded = [.. a, .. new float[93]];
        foreach (InstructionSet set in Cpus.Sets)
        {
            Assert.Equal(Reduce.Sum(set, a), Reduce.Sum(set, padded));
            Assert.Equal(Reduce.Dot(set, a, a), Reduce.Dot(set, padded, padded));
        }
    }

    [Fact]
    public void IsCloseToTheSumInDouble()
    {
        float[] a = Draw.Normal(5, 10_000), b = Draw.Normal(6, 10_000);
        double dot = a.Zip(b, (x, y) => (double)x * y).Sum(), size = a.Zip(b, (x, y) => Math.Abs((double)x * y)).Sum();
        Assert.Equal(dot, Reduce.Dot(InstructionSet.Scalar, a, b), 1e-6 * size);
        Assert.Throws<ArgumentException>(() => Reduce.Dot(InstructionSet.Scalar, a, b.AsSpan(1)));
    }

    private static float Tree(int count, Func<int, float, float> add)
    {
        float[] lanes = new float[64];
        for (int i = 0; i < count; i++) lanes[i % 64] = add(i, lanes[i % 64]);
        while (lanes.Length > 1) lanes = [.. lanes.Take(lanes.Length / 2).Zip(lanes.Skip(lanes.Length / 2), (low, high) => low + high)];
        return lanes[0];
    }
}
