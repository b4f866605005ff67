using FsCheck.Xunit;
using MoKA.Native.Optim;
using MoKA.Native.Tests.Ops;

namespace MoKA.Native.Tests.Optim;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 30)]
public sealed class GradientClipTests
{
    [Property]
    public void ScalesAllGradientsTogetherDownToTheBound(Size first, Size second, ulong seed, bool clips)
    {
        using Parameter a = new("a", new Shape(first)), b = new("b", new Shape(second, 3));
        Draw.Normal(seed, first).CopyTo(a.Gradient);
        Draw.Normal(seed + 1, second * 3).CopyTo(b.Gradient);
        double[] before = Gradients(a, b);
        double norm = Norm(before);
        float bound = (float)(clips ? norm / 3 : norm * 2);
        Assert.Equal(norm, GradientClip.ByNorm(Cpus.Widest, [a, b], bound), 1e-5 * norm);
        OpContract.Close("the gradients", [.. before.Select(g => clips ? g / 3 : g)], [.. Gradients(a, b).Select(g => (float)g)]);
        Assert.InRange(Norm(Gradients(a, b)), 0, bound * (1 + 1e-6));
    }

    [Fact]
    public void ABoundOfZeroOnlyMeasures()
    {
        using Parameter a = new("a", new Shape(2));
        new float[] { 3, 4 }.CopyTo(a.Gradient);
        Assert.Equal(5, GradientClip.ByNorm(Cpus.Widest, [a], 0));
        Assert.Equal([3f, 4f], a.Gradient.ToArray());
    }

    [Fact]
    public void FrozenParametersDoNotCount()
    {
        using Parameter a = new("a", new Shape(2)), frozen = new("frozen", new Shape(2), trainable: false);
        new float[] { 3, 4 }.CopyTo(a.Gradient);
        Assert.Equal(5, GradientClip.ByNorm(Cpus.Widest, [frozen, a], 1));
        Assert.False(frozen.HasGradient);
    }

    private static double[] Gradients(params Parameter[] parameters) => [.. parameters.SelectMany(p => p.Gradient.ToArray()).Select(g => (double)g)];

    private static double Norm(double[] numbers) => Math.Sqrt(numbers.Sum(x => x * x));
}
