using System.Runtime.InteropServices;
using FsCheck.Xunit;
using MoKA.Native.Kernels;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Kernels;

/// <summary>Products of 8-bit activations with NF4 and FP4: their definition in plain loops, to the bit, whatever computes them.</summary>
[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 30)]
public sealed class LevelProductTests
{
    [Property]
    public void Have_the_bits_of_the_definition_everywhere(Size tokens, Size outputs, Size blocks, CodebookType type, bool nested, bool many, ulong seed) =>
        Check(many ? Int8Levels.FewTokens(InstructionSet.Avx512) + tokens : tokens, outputs, 64 * blocks, type, nested, 64, seed);

    [Theory]
    [InlineData(0, 3, 64, 64)]
    [InlineData(1, 0, 64, 64)]
    [InlineData(3, 5, 0, 64)]
    [InlineData(1, 16, 32, 32)]
    [InlineData(1, 31, 4096, 4096)]
    [InlineData(1, 27, 8192, 64)]
    [InlineData(1, 155, 352, 32)]
    // Rows cut into streams of several rows, also where they would share sets of a cache.
    [InlineData(2, 301, 64, 64)]
    [InlineData(1, 300, 4096, 64)]
    [InlineData(6, 33, 128, 128)]
    [InlineData(29, 45, 4160, 64)]
    [InlineData(2, 18, 4096, 4096)]
    [InlineData(5, 25, 64, 64)]
    [InlineData(6, 25, 64, 64)]
    [InlineData(24, 25, 64, 64)]
    [InlineData(25, 25, 64, 64)]
    [InlineData(1040, 3, 64, 64)]
    public void Have_the_bits_of_the_definition_at_the_edges(int tokens, int outputs, int depth, int blockSize) => Check(tokens, outputs, depth, CodebookType.NF4, nested: true, blockSize, seed: 3);

    [Fact]
    public void Stay_exact_where_sums_are_largest()
    {
        // Levels of -1 and 1 against activations that are all at the ends of their range: no sum of 16 bits may wrap or be cut off.
        foreach (float sign in (float[])[1, -1])
        {
            float[] w = [.. Enumerable.Range(0, 64 * 64).Select(i => i / 64 % 2 == 0 ? -1f : i / 64 % 3 == 0 ? 1f : i % 32 == 0 ? -1f : 1f)], x = [.. Enumerable.Repeat(sign, 8 * 64)];
            using CodebookMatrix weight = CodebookMatrix.Quantize(w, 64, 64);
            Check(x, weight, 8);
            Check(x[..64], weight, 1);
        }
    }

    [Property]
    public void Are_near_the_float_product(Size tokens, Size outputs, Size blocks, CodebookType type, ulong seed)
    {
        int depth = 64 * blocks;
        float[] x = Draw.Normal(seed, tokens * depth), dense = new float[outputs * depth];
        using CodebookMatrix weight = CodebookMatrix.Quantize(Draw.Normal(seed + 1, outputs * depth), outputs, depth, type);
        weight.Dequantize(dense);
        float[] y = Multiply(Cpus.Widest, x, weight, tokens);
        for (int t = 0; t < tokens; t++)
            for (int o = 0; o < outputs; o++)
            {
                double exact = 0, bound = 0;
                for (int k = 0; k < depth; k++)
                {
                    double step = x.AsSpan(t * depth + k / 32 * 32, 32).ToArray().Max(MathF.Abs) / 127, most = dense.AsSpan(o * depth + k / 64 * 64, 64).ToArray().Max(MathF.Abs);
                    exact += x[t * depth + k] * (double)dense[o * depth + k];
                    bound += Math.Abs(dense[o * depth + k]) * step * 0.5001 + most * 0.5001 / Scale(type) * (Math.Abs(x[t * depth + k]) + step);
                }
                Assert.InRange(y[t * outputs + o], exact - bound - 1e-4, exact + bound + 1e-4);
            }
    }

    [Fact]
    public void Say_when_activations_are_not_finite()
    {
        float[] x = Draw.Normal(1, 128);
        (x[3], x[70]) = (float.NaN, float.PositiveInfinity);
        using CodebookMatrix weight = CodebookMatrix.Quantize(Draw.Normal(2, 64 * 64), 64, 64);
        foreach (Cpu cpu in Cpus.All) Assert.DoesNotContain(Multiply(cpu, x, weight, 2), float.IsFinite);
    }

    [Fact]
    public void Are_refused_where_rows_are_not_whole_blocks()
    {
        using CodebookMatrix weight = CodebookMatrix.Quantize(Draw.Normal(2, 3 * 96), 3, 96);
        Assert.False(weight.TakesInt8);
        Assert.Contains("rows of whole blocks, got NF4 [3, 96]", Assert.Throws<InvalidOperationException>(() => Multiply(Cpus.Widest, Draw.Normal(1, 96), weight, 1)).Message);
    }

    private static void Check(int tokens, int outputs, int depth, CodebookType type, bool nested, int blockSize, ulong seed)
    {
        using CodebookMatrix weight = CodebookMatrix.Quantize(Draw.Normal(seed + 1, outputs * depth), outputs, depth, type, nested, blockSize);
        if (depth > 0) Check(Draw.Normal(seed, tokens * depth), weight, tokens);
        else Assert.False(weight.TakesInt8);
    }

    private static void Check(float[] x, CodebookMatrix weight, int tokens)
    {
        (int outputs, int depth) = (weight.Rows, weight.Columns);
        float[] expected = Definition(x, weight, tokens);
        foreach (Cpu cpu in Cpus.All)
        {
            Bits.Equal(expected, Multiply(cpu, x, weight, tokens), $"all tokens on {cpu.InstructionSet}");
            for (int t = 0; t < Math.Min(tokens, 8); t++)
                Bits.Equal(expected.AsSpan(t * outputs, outputs), Multiply(cpu, x[(t * depth)..((t + 1) * depth)], weight, 1), $"token {t} alone on {cpu.InstructionSet}");
        }
    }

    private static float[] Multiply(Cpu cpu, float[] x, CodebookMatrix weight, int tokens)
    {
        float[] y = [.. Enumerable.Repeat(float.NaN, tokens * weight.Rows)];
        weight.MultiplyInIntegers(cpu, new MatrixSpan(x, tokens, weight.Columns), new MatrixSpan(y, tokens, weight.Rows));
        return y;
    }

    /// <summary>e = max |x| / 127, p = x (1 / e) and L = s level to the nearest, y = fma(Σ L p × (m / s), e, y) over blocks of 32.</summary>
    private static float[] Definition(float[] x, CodebookMatrix weight, int tokens)
    {
        (int outputs, int depth) = (weight.Rows, weight.Columns);
        float[] y = new float[tokens * outputs];
        ReadOnlySpan<float> levels = weight.Type.Codebook().Levels;
        float unit = (float)(1 / Scale(weight.Type));
        for (int t = 0; t < tokens; t++)
            for (int b = 0; b < depth / 32; b++)
            {
                Span<float> some = x.AsSpan(t * depth + 32 * b, 32);
                float largest = 0;
                foreach (float v in some) largest = MathF.Max(largest, MathF.Abs(v));
                float e = largest / 127, inverse = e == 0 ? 0 : 1 / e;
                for (int o = 0; o < outputs; o++)
                {
                    int first = o * depth + 32 * b, sum = 0;
                    for (int k = 0; k < 32; k++)
                    {
                        int code = (first + k) % 2 == 0 ? weight.Codes[(first + k) / 2] >> 4 : weight.Codes[(first + k) / 2] & 15;
                        sum += (int)Math.Round(levels[code] * Scale(weight.Type)) * (int)MathF.Round(some[k] * inverse);
                    }
                    y[t * outputs + o] = MathF.FusedMultiplyAdd(sum * (Magnitude(weight, first / weight.BlockSize) * unit), e, y[t * outputs + o]);
                }
            }
        return y;
    }

    /// <summary>Of all scales that leave levels in -64 .. 64, those that bring them nearest to whole numbers.</summary>
    private static double Scale(CodebookType type) => type == CodebookType.NF4 ? 64.0625 : 60;

    private static float Magnitude(CodebookMatrix weight, int block)
    {
        if (weight.NestedScales is not { } nested) return MemoryMarshal.Cast<byte, float>(weight.MagnitudeBytes)[block];
        float scaled = nested.Map[weight.MagnitudeBytes[block]] * nested.Scales[block / nested.BlockSize];
        return scaled + nested.Offset;
    }
}
