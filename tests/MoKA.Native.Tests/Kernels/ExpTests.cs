using MoKA.Native.Kernels;

namespace MoKA.Native.Tests.Kernels;

/// <summary>Walks through the floats and measures e^x against double precision, in units in the last place.</summary>
public sealed class ExpTests
{
    // Where the smallest normal result begins and where the largest finite one ends.
    private const float Lowest = -87.33654f, Highest = 88.72283f;
    private const double Bound = 1.02;

    [Theory]
    [InlineData(0f, Lowest)]
    [InlineData(0f, Highest)]
    public void StaysWithinItsErrorBound(float from, float to)
    {
        const int stride = 13, batch = 4096;
        uint sign = to < 0 ? 0x8000_0000 : 0, last = BitConverter.SingleToUInt32Bits(MathF.Abs(to));
        float[] x = new float[batch];
        double worst = 0;
        for (uint bits = BitConverter.SingleToUInt32Bits(from); bits <= last;)
        {
            // Below 2^-14 the result is 1 + x; there, long strides do.
            for (int i = 0; i < batch; i++, bits += bits < 0x3880_0000 ? stride * 997u : stride) x[i] = BitConverter.UInt32BitsToSingle(Math.Min(bits, last) | sign);
            float[] y = Of(x);
            for (int i = 0; i < batch; i++) worst = Math.Max(worst, UnitsInLastPlace(Math.Exp(x[i]), y[i]));
        }
        Assert.InRange(worst, 0.5, Bound);
    }

    [Fact]
    public void EveryInstructionSetGivesTheSameBits()
    {
        float[] x = [.. Enumerable.Range(0, 200_000).Select(i => BitConverter.UInt32BitsToSingle((uint)(i * 21_473L)))];
        float[] finite = [.. x.Where(value => !float.IsNaN(value))];
        float[] expected = Of(finite, InstructionSet.Scalar);
        foreach (InstructionSet set in Cpus.Sets) Bits.Equal(expected, Of(finite, set), $"e^x on {set}");
    }

    [Theory]
    [InlineData(0f, 1f)]
    [InlineData(float.Epsilon, 1f)]
    [InlineData(-87.33655f, 0f)]
    [InlineData(-104f, 0f)]
    [InlineData(float.MinValue, 0f)]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(88.72284f, float.PositiveInfinity)]
    [InlineData(float.MaxValue, float.PositiveInfinity)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData(float.NaN, float.NaN)]
    public void ReachesItsEdges(float x, float expected)
    {
        foreach (InstructionSet set in Cpus.Sets) Assert.All(Of([.. Enumerable.Repeat(x, 17)], set), y => Assert.Equal(expected, y));
    }

    [Fact]
    public void TheSmallestResultIsNormalAndTheLargestFinite()
    {
        Assert.True(float.IsNormal(Of([Lowest])[0]));
        Assert.True(float.IsFinite(Of([Highest])[0]));
    }

    private static float[] Of(float[] x, InstructionSet? set = null)
    {
        float[] y = [.. x];
        Softmax.Exponentials(set ?? InstructionSets.Widest, y, 1, 0, 1);
        return y;
    }

    private static double UnitsInLastPlace(double exact, float actual) => Math.Abs(exact - actual) / Math.ScaleB(1, Math.ILogB(exact) - 23);
}
