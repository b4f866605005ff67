using FsCheck.Xunit;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Tests.Diagnostics;

public class CounterRandomTests
{
    [Fact]
    public void ItsBitsStayTheSameForever()
    {
        Assert.Equal(
            [0x568A9B0B1A2C05EC, 0x8E1E6EACAA45F47F, 0xBF5CE0170453275C],
            new[] { CounterRandom.Bits(0, 0, 0), CounterRandom.Bits(1, 2, 3), CounterRandom.Bits(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue) });
        Assert.Equal(0xBF25AAEB, BitConverter.SingleToUInt32Bits(CounterRandom.Normal(1, 2, 3)));
    }

    [Fact]
    public void SeedsStreamsAndIndicesGiveDifferentBits()
    {
        HashSet<ulong> seen = [];
        for (ulong i = 0; i < 20; i++)
        {
            for (ulong j = 0; j < 20; j++)
            {
                for (ulong k = 0; k < 20; k++)
                {
                    Assert.True(seen.Add(CounterRandom.Bits(i, j, k)), $"({i}, {j}, {k}) repeats an earlier number");
                }
            }
        }
    }

    [Fact]
    public void EveryBitIsSetHalfOfTheTime()
    {
        const int count = 20_000;
        int[] ones = new int[64];
        for (ulong i = 0; i < count; i++)
        {
            ulong bits = CounterRandom.Bits(7, 3, i);
            for (int b = 0; b < 64; b++)
            {
                ones[b] += (int)((bits >> b) & 1);
            }
        }

        // Five standard deviations of a fair coin.
        Assert.All(ones, n => Assert.InRange(n, count / 2 - 354, count / 2 + 354));
    }

    [Fact]
    public void UniformFillsTheUnitIntervalEvenly()
    {
        int[] bins = new int[10];
        for (ulong i = 0; i < 10_000; i++)
        {
            float u = CounterRandom.Uniform(5, 1, i);
            Assert.InRange(u, 0f, 0.99999994f);
            bins[(int)(u * 10)]++;
        }

        Assert.All(bins, n => Assert.InRange(n, 850, 1150));
    }

    [Fact]
    public void NormalHasTheMomentsAndTailsOfTheNormalDistribution()
    {
        const int count = 100_000;
        double sum = 0, squares = 0, fourth = 0;
        int beyondTwo = 0;
        for (ulong i = 0; i < count; i++)
        {
            double x = CounterRandom.Normal(11, 4, i);
            sum += x;
            squares += x * x;
            fourth += x * x * x * x;
            beyondTwo += Math.Abs(x) > 2 ? 1 : 0;
        }

        Assert.InRange(sum / count, -0.02, 0.02);
        Assert.InRange(squares / count, 0.98, 1.02);
        Assert.InRange(fourth / count, 2.85, 3.15);
        Assert.InRange(beyondTwo / (double)count, 0.0425, 0.0485);
    }

    [Property]
    public void BelowStaysBelowItsBound(ulong seed, ulong stream, ulong index, FsCheck.PositiveInt bound) =>
        Assert.InRange(CounterRandom.Below(seed, stream, index, bound.Get), 0, bound.Get - 1);

    [Fact]
    public void BelowReachesEveryValueEvenly()
    {
        int[] counts = new int[7];
        for (ulong i = 0; i < 7_000; i++)
        {
            counts[CounterRandom.Below(2, 9, i, 7)]++;
        }

        Assert.All(counts, n => Assert.InRange(n, 850, 1150));
        Assert.Throws<ArgumentOutOfRangeException>(() => CounterRandom.Below(0, 0, 0, 0));
    }
}
