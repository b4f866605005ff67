namespace MoKA.Native.Tests;

/// <summary>How far each rule slows a pair down, by the published formulas.</summary>
public sealed class RopeScalingTests
{
    private const int HeadDim = 128;
    private const double Theta = 500_000;

    [Fact]
    public void Llama3KeepsFastPairsSlowsLongOnesAndBlendsBetween()
    {
        // LLaMA-3.1-8B's numbers, by the rule as its authors state it: in wavelengths.
        const double factor = 8, low = 1, high = 4, original = 8192;
        Llama3RopeScaling scaling = new(factor, low, high, (int)original);
        int kept = 0, blended = 0, slowed = 0;
        for (int i = 0; i < HeadDim / 2; i++)
        {
            double frequency = Math.Pow(Theta, -2.0 * i / HeadDim), wavelength = 2 * Math.PI / frequency, expected;
            if (wavelength < original / high) (expected, kept) = (frequency, kept + 1);
            else if (wavelength > original / low) (expected, slowed) = (frequency / factor, slowed + 1);
            else
            {
                double smooth = (original / wavelength - low) / (high - low);
                (expected, blended) = ((1 - smooth) * frequency / factor + smooth * frequency, blended + 1);
            }
            Assert.Equal(expected, scaling.Scale(i, frequency), 1e-15);
        }
        Assert.Equal((29, 6, 29), (kept, blended, slowed));
    }

    [Fact]
    public void LinearDividesAll() => Assert.Equal(0.125, new LinearRopeScaling(4).Scale(3, 0.5));

    [Fact]
    public void ListsDivideEachPairByItsOwn()
    {
        ListedRopeScaling scaling = new([1, 2, 8]);
        Assert.Equal([1.0, 0.5, 0.125], Enumerable.Range(0, 3).Select(i => scaling.Scale(i, 1)));
        Assert.Equal(new ListedRopeScaling([1, 2, 8]), scaling);
        Assert.NotEqual(new ListedRopeScaling([1, 2, 4]), scaling);
    }

    [Fact]
    public void EveryRuleIsChecked()
    {
        Assert.Null(new ListedRopeScaling([1, 2]).Problem(4));
        Assert.Contains("each of 3 pairs, got 2", new ListedRopeScaling([1, 2]).Problem(6));
        foreach (float wrong in new[] { 0, -1, float.NaN, float.PositiveInfinity }) Assert.NotNull(new ListedRopeScaling([1, wrong]).Problem(4));
        foreach (double wrong in new[] { 0, 0.9, double.NaN, 1e7 })
        {
            Assert.NotNull(new LinearRopeScaling(wrong).Problem(4));
            Assert.NotNull(new Llama3RopeScaling(wrong, 1, 4, 8192).Problem(4));
        }
        Assert.NotNull(new Llama3RopeScaling(8, 4, 4, 8192).Problem(4));
        Assert.NotNull(new Llama3RopeScaling(8, 1, 4, 0).Problem(4));
        Assert.Null(new Llama3RopeScaling(8, 1, 4, 8192).Problem(4));
    }
}
