using MoKA.Native.Diagnostics;
using MoKA.Native.Optim;

namespace MoKA.Native.Tests.Optim;

public sealed class LearningRateTests
{
    [Theory]
    [InlineData(LearningRateShape.Constant, 1, 1, 1)]
    [InlineData(LearningRateShape.Linear, 1, 0.55, 0.1)]
    [InlineData(LearningRateShape.Cosine, 1, 0.55, 0.1)]
    public void RisesThenKeepsItsShape(LearningRateShape shape, double first, double middle, double last)
    {
        LearningRate rate = new(shape, Peak: 0.4f, WarmUpSteps: 4, TotalSteps: 24, Floor: 0.1f);
        Assert.Equal([0.1, 0.2, 0.3, 0.4], Enumerable.Range(0, 4).Select(step => Math.Round(rate.At(step), 6)));
        foreach ((int step, double share) in ((int, double)[])[(4, first), (14, middle), (24, last), (99, last)]) Assert.Equal(0.4 * share, rate.At(step), 1e-6);
        for (int step = 4; step < 24; step++) Assert.True(rate.At(step + 1) <= rate.At(step));
    }

    [Fact]
    public void TheCosineFallsSlowlyAtBothEnds()
    {
        LearningRate cosine = new(LearningRateShape.Cosine, 1, 0, 100), line = cosine with { Shape = LearningRateShape.Linear };
        Assert.True(cosine.At(10) > line.At(10) && cosine.At(90) < line.At(90));
        Assert.Equal(0.5 * (1 + Math.Cos(Math.PI * 0.1)), cosine.At(10), 1e-6);
    }

    [Fact]
    public void WorksWithoutWarmUpAndWithNothingElse()
    {
        Assert.Equal(1, new LearningRate(LearningRateShape.Linear, 1, 0, 10).At(0));
        Assert.Equal(1, new LearningRate(LearningRateShape.Linear, 1, 10, 10).At(9));
        Assert.Equal(1, new LearningRate(LearningRateShape.Cosine, 1, 0, 0).At(0));
    }

    [Fact]
    public void ReadsTheNamesOfItsShapes()
    {
        Assert.Equal(Enum.GetValues<LearningRateShape>(), Enum.GetNames<LearningRateShape>().Select(LearningRate.ParseShape));
        Assert.Equal("Schedule: write constant, linear or cosine, got 'step'.", Assert.Throws<MokaException>(() => LearningRate.ParseShape("step")).Message);
    }
}
