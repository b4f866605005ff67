using System.Buffers.Binary;
using System.Runtime.InteropServices;
using FsCheck.Xunit;
using MoKA.Native.Diagnostics;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Quantization;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 30)]
public sealed class Int4MatrixTests
{
    [SkippableFact]
    public void WritesTheBytesAndReadsTheNumbersOfQ4_0()
    {
        float[] x = Floats("ggml/x.f32"), expected = Floats("ggml/x.q4_0.deq.f32"), actual = new float[x.Length];
        byte[] file = File.ReadAllBytes(Fixtures.Require("ggml/x.q4_0"));
        using Int4Matrix matrix = Int4Matrix.Quantize(x, 2, x.Length / 2);
        // A block of the file is its scale in half precision and then its 16 bytes of codes.
        byte[] bytes = new byte[file.Length];
        for (int block = 0; block < x.Length / 32; block++)
        {
            BinaryPrimitives.WriteHalfLittleEndian(bytes.AsSpan(18 * block), (Half)matrix.Scales[block]);
            matrix.Codes.Slice(16 * block, 16).CopyTo(bytes.AsSpan(18 * block + 2));
        }
        Assert.Equal(file, bytes);
        Assert.Equal(file.Length, matrix.StorageBytes);
        matrix.Dequantize(actual);
        Bits.Equal(expected, actual, "the dequantised weights");
    }

    [Property]
    public void ItsNumbersQuantiseToThemselves(Size rows, Size blocks, ulong seed)
    {
        float[] x = Draw.Normal(seed, rows * blocks * 32), once = new float[x.Length], twice = new float[x.Length];
        using Int4Matrix first = Int4Matrix.Quantize(x, rows, blocks * 32);
        first.Dequantize(once);
        using Int4Matrix second = Int4Matrix.Quantize(once, rows, blocks * 32);
        second.Dequantize(twice);
        Bits.Equal(once, twice, "the weights quantised again");
        Assert.Equal(first.Codes.ToArray(), second.Codes.ToArray());
        Bits.Equal(first.Scales, second.Scales, "the scales");
    }

    [Property]
    public void ErrorsStayWithinHalfAStep(Size blocks, ulong seed)
    {
        float[] x = Draw.Normal(seed, blocks * 32), w = new float[x.Length];
        using Int4Matrix matrix = Int4Matrix.Quantize(x, 1, blocks * 32);
        matrix.Dequantize(w);
        for (int i = 0; i < x.Length; i++)
        {
            // Half a step, and a whole one at the short end of the scale, where +8 has no code. Rounding the step to half
            // precision moves the ends by 8 steps times 2^-11.
            float step = matrix.Scales[i / 32];
            double bound = Math.Abs(step) * (w[i] == 7 * step ? 1.005 : 0.505);
            Assert.InRange(Math.Abs((double)x[i] - w[i]), 0, bound);
        }
    }

    [Fact]
    public void TheValueOfLargestMagnitudeIsHit()
    {
        float[] x = [.. Draw.Normal(1, 32)], w = new float[32];
        (x[5], x[9]) = (-8, 8);
        using Int4Matrix matrix = Int4Matrix.Quantize(x, 1, 32);
        matrix.Dequantize(w);
        // The first of the two ties sets the sign of the scale.
        Assert.Equal((1f, -8f, 7f), (matrix.Scales[0], w[5], w[9]));
    }

    [Fact]
    public void ZerosStayZeros()
    {
        float[] w = new float[64];
        using Int4Matrix matrix = Int4Matrix.Quantize(new float[64], 2, 32);
        matrix.Dequantize(w);
        Assert.All(w, x => Assert.Equal(0, x));
        Assert.All(matrix.Codes.ToArray(), code => Assert.Equal(0x88, code));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void RefusesWeightsThatAreNotFinite(float hostile)
    {
        float[] x = Draw.Normal(1, 64);
        x[40] = hostile;
        Assert.Equal($"Int4Matrix: weights must be finite to be quantised, got {hostile}.", Assert.Throws<MokaException>(() => Int4Matrix.Quantize(x, 2, 32)).Message);
    }

    [Theory]
    [InlineData(524_288f)]
    [InlineData(-3e38f)]
    public void RefusesWeightsWhoseScaleHasNoHalf(float large)
    {
        float[] x = Draw.Normal(1, 32);
        x[3] = large;
        Assert.Contains("half precision", Assert.Throws<MokaException>(() => Int4Matrix.Quantize(x, 1, 32)).Message);
    }

    [Fact]
    public void RefusesShapesThatDoNotFit()
    {
        Assert.Equal("Int4Matrix: the columns must be whole blocks of 32, got [2, 33]; keep this weight in float.", Assert.Throws<MokaException>(() => new Int4Matrix(2, 33)).Message);
        Assert.Equal("Int4Matrix: [2, 32] needs 64 weights, got 63.", Assert.Throws<ArgumentException>(() => Int4Matrix.Quantize(new float[63], 2, 32)).Message);
        using Int4Matrix matrix = new(2, 32);
        Assert.Throws<ArgumentException>(() => matrix.Dequantize(new float[65]));
    }

    private static float[] Floats(string fixture) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Fixtures.Require(fixture))).ToArray();
}
