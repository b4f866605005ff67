using FsCheck.Xunit;
using MoKA.Native.Optim;
using MoKA.Native.Tests.Ops;

namespace MoKA.Native.Tests.Optim;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class AdamWTests
{
    [Property]
    public void FollowsItsFormulas(Size rows, Size columns, bool vector, bool decayVectors, ulong seed)
    {
        AdamWOptions options = new(Beta1: 0.8f, Beta2: 0.97f, Epsilon: 1e-6f, WeightDecay: 0.2f, DecayVectors: decayVectors);
        using Parameter parameter = Draw.Parameter(seed, vector ? new Shape(rows * columns) : new Shape(rows, columns));
        using AdamW adam = new([parameter], options);
        double decay = vector && !decayVectors ? 0 : options.WeightDecay;
        double[] theta = Draw.Exact(parameter).Data, m = new double[theta.Length], v = new double[theta.Length];
        for (int t = 1; t <= 6; t++)
        {
            float[] gradient = Draw.Normal(seed + (ulong)t, theta.Length);
            float rate = 0.03f / t;
            for (int i = 0; i < theta.Length; i++)
            {
                theta[i] *= 1 - rate * decay;
                m[i] = options.Beta1 * m[i] + (1 - (double)options.Beta1) * gradient[i];
                v[i] = options.Beta2 * v[i] + (1 - (double)options.Beta2) * gradient[i] * gradient[i];
                theta[i] -= rate * m[i] / (1 - Math.Pow(options.Beta1, t)) / (Math.Sqrt(v[i] / (1 - Math.Pow(options.Beta2, t))) + options.Epsilon);
            }
            gradient.CopyTo(parameter.Gradient);
            adam.Step(Cpus.Widest, rate);
            OpContract.Close($"the parameter after step {t}", theta, parameter.Data, tolerance: 2e-6);
            Assert.All(parameter.Gradient.ToArray(), g => Assert.Equal(0, g));
            Assert.Equal(t, adam.Steps);
        }
    }

    [Fact]
    public void AFactorIsARateOfItsOwn()
    {
        using Parameter slow = Draw.Parameter(1, new Shape(3, 4)), fast = new("fast", new Shape(3, 4)) { RateFactor = 5 };
        slow.Data.CopyTo(fast.Data);
        AdamWOptions options = new(WeightDecay: 0.1f);
        using AdamW one = new([slow], options), other = new([fast], options);
        for (ulong t = 0; t < 3; t++)
        {
            foreach (Parameter parameter in new[] { slow, fast }) Draw.Normal(t, 12).CopyTo(parameter.Gradient);
            one.Step(Cpus.Widest, 5 * 0.01f);
            other.Step(Cpus.Widest, 0.01f);
        }
        Bits.Equal(slow.Data, fast.Data, "five times the rate");
    }

    [Fact]
    public void LeavesFrozenParametersAlone()
    {
        using Parameter moving = Draw.Parameter(1, new Shape(2, 3)), frozen = Draw.Parameter(2, new Shape(2, 3));
        frozen.Trainable = false;
        frozen.Gradient.Fill(1);
        float[] before = frozen.Data.ToArray();
        using AdamW adam = new([moving, frozen]);
        adam.Step(Cpus.Widest, 0.1f);
        Assert.Equal(before, frozen.Data.ToArray());
        Assert.Equal(2 * 6 * sizeof(float), adam.StateBytes);
    }

    [Fact]
    public void TheFirstStepIsTheRateWhateverTheSizeOfTheGradient()
    {
        using Parameter parameter = new("parameter", new Shape(3));
        using AdamW adam = new([parameter]);
        new float[] { 1e-2f, -1, 1e3f }.CopyTo(parameter.Gradient);
        adam.Step(Cpus.Widest, 0.5f);
        OpContract.Close("the first step", [-0.5, 0.5, -0.5], parameter.Data);
    }
}
