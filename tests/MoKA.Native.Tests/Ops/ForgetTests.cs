using MoKA.Native.Autograd;
using MoKA.Native.Ops;

namespace MoKA.Native.Tests.Ops;

/// <summary>Outputs whose memory is given back and that are made again on the way back.</summary>
public sealed class ForgetTests
{
    private const float Epsilon = 1e-5f;

    [Theory]
    [InlineData(1, 1, true)]
    [InlineData(67, 48, true)]
    [InlineData(5, 3, false)]
    public void ForgettingChangesNoBit(int rows, int columns, bool inputNeedsGradient)
    {
        float[][] kept = Gradients(rows, columns, inputNeedsGradient, forget: false, out _), forgotten = Gradients(rows, columns, inputNeedsGradient, forget: true, out _);
        Assert.Contains(kept[^1], g => g != 0);
        foreach ((float[] one, float[] other) in kept.Zip(forgotten)) Assert.Equal(one, other);
    }

    [Fact]
    public void ForgettingTakesLessMemory()
    {
        const int rows = 64, columns = 256;
        Gradients(rows, columns, inputNeedsGradient: true, forget: false, out long kept);
        Gradients(rows, columns, inputNeedsGradient: true, forget: true, out long forgotten);
        // Of four layers with two such outputs each, those of one are there at a time; each norm keeps a number a row to be made again.
        Assert.Equal((6 * columns - 4) * rows * sizeof(float), kept - forgotten);
    }

    [Fact]
    public void WhatIsForgottenCannotBeRead()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter x = Draw.Parameter(1, new Shape(3, 4)), up = Draw.Parameter(2, new Shape(3, 4)), map = Draw.Parameter(3, new Shape(4, 4));
        Tensor y = Op.SwiGlu(tape, x, up), read = Op.MatMul(tape, y, map);
        Op.ForgetSwiGlu(tape, y, x, up, read);
        Assert.Contains("given back", Assert.Throws<InvalidOperationException>(() => y.Data[0]).Message, StringComparison.Ordinal);
        Assert.Contains("given back", Assert.Throws<InvalidOperationException>(() => Op.ForgetSwiGlu(tape, y, x, up, read)).Message, StringComparison.Ordinal);
        Assert.Contains("op's output", Assert.Throws<ArgumentException>(() => Op.ForgetSwiGlu(tape, x, x, up, read)).Message, StringComparison.Ordinal);
        Assert.Contains("[3, 4]", Assert.Throws<ArgumentException>(() => Op.ForgetRmsNorm(tape, read, map, up, Epsilon, read)).Message, StringComparison.Ordinal);
    }

    // Four layers, each a norm and a gated unit that a map reads. The first layer's may be made of what needs no gradient, though the maps do.
    private static float[][] Gradients(int rows, int columns, bool inputNeedsGradient, bool forget, out long peakBytes)
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter input = Draw.Parameter(1, new Shape(rows, columns)), gain = Draw.Parameter(2, new Shape(columns)), map = Draw.Parameter(3, new Shape(columns, columns));
        input.RequiresGradient = gain.RequiresGradient = inputNeedsGradient;
        Tensor x = input;
        for (int i = 0; i < 4; i++)
        {
            Tensor before = x, normed = Op.RmsNorm(tape, before, gain, Epsilon), product = Op.SwiGlu(tape, normed, before);
            x = Op.MatMul(tape, product, map);
            if (!forget) continue;
            // The gated unit is made again of the norm, and so after it.
            Op.ForgetSwiGlu(tape, product, normed, before, x);
            Op.ForgetRmsNorm(tape, normed, before, gain, Epsilon, x);
        }
        x.Gradient.Fill(1);
        tape.PassGradientsOn();
        peakBytes = tape.PeakBytes;
        return [.. inputNeedsGradient ? new[] { input.Gradient.ToArray(), gain.Gradient.ToArray() } : [], map.Gradient.ToArray()];
    }
}
