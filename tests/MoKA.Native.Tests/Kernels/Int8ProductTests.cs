using System.Runtime.InteropServices;
using FsCheck.Xunit;
using MoKA.Native.Kernels;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Kernels;

/// <summary>Products in integers: their definition in plain loops, to the bit, whatever computes them.</summary>
[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 30)]
public sealed class Int8ProductTests
{
    [Property]
    public void Have_the_bits_of_the_definition_everywhere(Size tokens, Size outputs, Size blocks, bool many, ulong seed) => Check(many ? Int8Blocks<Q4_0>.FewTokens(InstructionSet.Avx512) + tokens : tokens, outputs, 32 * blocks, seed);

    [Theory]
    [InlineData(0, 3, 32)]
    [InlineData(1, 0, 32)]
    [InlineData(3, 5, 0)]
    [InlineData(1, 16, 64)]
    [InlineData(1, 48, 32)]
    [InlineData(1, 155, 352)]
    // Rows cut into streams of several rows, also where they would share sets of a cache.
    [InlineData(2, 301, 64)]
    [InlineData(1, 600, 2048)]
    [InlineData(6, 32, 32)]
    [InlineData(13, 100, 288)]
    [InlineData(24, 33, 32)]
    [InlineData(25, 33, 2080)]
    [InlineData(30, 32, 32)]
    public void Have_the_bits_of_the_definition_at_the_edges(int tokens, int outputs, int depth) => Check(tokens, outputs, depth, seed: 3);

    [Fact]
    public void Stay_exact_where_sums_are_largest()
    {
        // Codes of -8 and 7 against activations that are all at the ends of their range: no sum of 16 bits may wrap.
        foreach (float sign in (float[])[1, -1])
        {
            float[] w = [.. Enumerable.Range(0, 64 * 64).Select(i => i / 64 % 2 == 0 ? -8 : i / 64 % 3 == 0 ? 7f : i % 32 == 0 ? -8f : 7f)], x = [.. Enumerable.Repeat(sign, 8 * 64)];
            Check(x, w, 8, 64, 64);
            Check(x[..64], w, 1, 64, 64);
        }
    }

    [Property]
    public void Are_near_the_float_product(Size tokens, Size outputs, Size blocks, ulong seed)
    {
        int depth = 32 * blocks;
        float[] x = Draw.Normal(seed, tokens * depth), dense = new float[outputs * depth];
        using BlockMatrix weight = BlockMatrix.Quantize(Draw.Normal(seed + 1, outputs * depth), outputs, depth, BlockType.Q4_0);
        weight.Dequantize(dense);
        float[] y = Multiply(Cpus.Widest, x, weight, tokens, outputs, depth);
        for (int t = 0; t < tokens; t++)
            for (int o = 0; o < outputs; o++)
            {
                double exact = 0, bound = 0;
                for (int k = 0; k < depth; k++)
                {
                    double step = x.AsSpan(t * depth + k / 32 * 32, 32).ToArray().Max(MathF.Abs) / 127;
                    exact += x[t * depth + k] * (double)dense[o * depth + k];
                    bound += Math.Abs(dense[o * depth + k]) * step * 0.5001;
                }
                Assert.InRange(y[t * outputs + o], exact - bound - 1e-4, exact + bound + 1e-4);
            }
    }

    [Fact]
    public void Say_when_activations_are_not_finite()
    {
        float[] x = Draw.Normal(1, 128);
        (x[3], x[70]) = (float.NaN, float.PositiveInfinity);
        using BlockMatrix weight = BlockMatrix.Quantize(Draw.Normal(2, 64 * 64), 64, 64, BlockType.Q4_0);
        foreach (Cpu cpu in Cpus.All) Assert.DoesNotContain(Multiply(cpu, x, weight, 2, 64, 64), float.IsFinite);
    }

    private static void Check(int tokens, int outputs, int depth, ulong seed) => Check(Draw.Normal(seed, tokens * depth), Draw.Normal(seed + 1, outputs * depth), tokens, outputs, depth);

    private static void Check(float[] x, float[] w, int tokens, int outputs, int depth)
    {
        using BlockMatrix weight = BlockMatrix.Quantize(w, outputs, depth, BlockType.Q4_0);
        float[] expected = Definition(x, weight.Bytes, tokens, outputs, depth);
        foreach (Cpu cpu in Cpus.All)
        {
            Bits.Equal(expected, Multiply(cpu, x, weight, tokens, outputs, depth), $"all tokens on {cpu.InstructionSet}");
            for (int t = 0; t < tokens; t++)
                Bits.Equal(expected.AsSpan(t * outputs, outputs), Multiply(cpu, x[(t * depth)..((t + 1) * depth)], weight, 1, outputs, depth), $"token {t} alone on {cpu.InstructionSet}");
        }
    }

    private static float[] Multiply(Cpu cpu, float[] x, BlockMatrix weight, int tokens, int outputs, int depth)
    {
        float[] y = [.. Enumerable.Repeat(float.NaN, tokens * outputs)];
        weight.MultiplyInIntegers(cpu, new MatrixSpan(x, tokens, depth), new MatrixSpan(y, tokens, outputs));
        return y;
    }

    /// <summary>e = max |x| / 127, p = x (1 / e) to the nearest, y = fma(Σ (q - 8) p × d, e, y) over blocks.</summary>
    private static float[] Definition(float[] x, ReadOnlySpan<byte> blocks, int tokens, int outputs, int depth)
    {
        float[] y = new float[tokens * outputs];
        for (int t = 0; t < tokens; t++)
            for (int b = 0; b < depth / 32; b++)
            {
                Span<float> some = x.AsSpan(t * depth + 32 * b, 32);
                float largest = 0;
                foreach (float v in some) largest = MathF.Max(largest, MathF.Abs(v));
                float e = largest / 127, inverse = e == 0 ? 0 : 1 / e;
                for (int o = 0; o < outputs; o++)
                {
                    ReadOnlySpan<byte> block = blocks.Slice((o * (depth / 32) + b) * 18, 18);
                    int sum = 0;
                    for (int k = 0; k < 32; k++)
                    {
                        int code = k < 16 ? block[2 + k] & 15 : block[2 + k - 16] >> 4;
                        sum += (code - 8) * (int)MathF.Round(some[k] * inverse);
                    }
                    y[t * outputs + o] = MathF.FusedMultiplyAdd(sum * (float)MemoryMarshal.Read<Half>(block), e, y[t * outputs + o]);
                }
            }
        return y;
    }
}
