using FsCheck.Xunit;
using MoKA.Native.Kernels;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Quantization;

namespace MoKA.Native.Tests.Kernels;

/// <summary>Products in integers with every format of ggml's blocks: one answer everywhere, near the product in floats.</summary>
[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 6)]
public sealed class Int8BlocksTests
{
    public static TheoryData<BlockType> Types => [.. Enum.GetValues<BlockType>().Where(type => type is not (BlockType.F16 or BlockType.BF16))];

    [Property]
    public void Have_the_same_bits_everywhere(Size tokens, Size outputs, Size blocks, ulong seed)
    {
        foreach (BlockType type in Types)
        {
            int depth = type.Format().Weights * ((blocks - 1) % 4 + 1);
            using BlockMatrix weight = Stored.Random(type, outputs, depth, seed);
            Check(type, weight, Draw.Normal(seed + 1, tokens * depth), tokens);
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Have_the_same_bits_at_the_edges(BlockType type)
    {
        foreach ((int tokens, int outputs, int blocks) in ((int, int, int)[])[(0, 3, 1), (1, 0, 1), (3, 40, 0), (1, 1, 1), (1, 24, 2), (6, 32, 1), (9, 70, 9), (16, 40, 2), (17, 33, 2), (25, 57, 3)])
        {
            int depth = type.Format().Weights * blocks;
            using BlockMatrix weight = Stored.Random(type, outputs, depth, seed: 7);
            Check(type, weight, Draw.Normal(8, tokens * depth), tokens);
        }
    }

    /// <summary>Codes and activations at the ends of their ranges: no sum of 16 bits may wrap.</summary>
    [Theory]
    [MemberData(nameof(Types))]
    public void Stay_exact_where_sums_are_largest(BlockType type)
    {
        const int outputs = 33;
        int depth = type.Format().Weights;
        // On AVX-512 seven tokens take rows and nineteen take panels, as on AVX2 both.
        foreach (int tokens in (int[])[7, 19])
            foreach (byte code in (byte[])[0x00, 0xFF, 0x80, 0x7F])
                foreach (float sign in (float[])[1, -1])
                {
                    byte[] content = new byte[outputs * type.BytesOfRow(depth)];
                    Array.Fill(content, code);
                    Stored.WriteScales(type, content, _ => 0.01f);
                    using BlockMatrix weight = Stored.Blocks(type, outputs, depth, content);
                    float[] x = [.. Enumerable.Repeat(sign, tokens * depth)];
                    Check(type, weight, x, tokens);
                }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Say_when_activations_are_not_finite(BlockType type)
    {
        int depth = type.Format().Weights * 2;
        float[] x = Draw.Normal(1, 2 * depth);
        (x[3], x[depth + 5]) = (float.NaN, float.PositiveInfinity);
        using BlockMatrix weight = Stored.Random(type, 40, depth, seed: 2);
        foreach (Cpu cpu in Cpus.All) Assert.DoesNotContain(Multiply(cpu, x, weight, 2), float.IsFinite);
    }

    /// <summary>All instruction sets and numbers of threads agree, so do tokens alone; and rounding x moves y by no more than half a step of each block.</summary>
    private static void Check(BlockType type, BlockMatrix weight, float[] x, int tokens)
    {
        int outputs = weight.Rows, depth = weight.Columns;
        float[] expected = Multiply(Cpus.Scalar, x, weight, tokens), dense = new float[outputs * depth];
        foreach (Cpu cpu in Cpus.All)
        {
            Bits.Equal(expected, Multiply(cpu, x, weight, tokens), $"{type} on {cpu.InstructionSet}");
            for (int t = 0; t < tokens; t++)
                Bits.Equal(expected.AsSpan(t * outputs, outputs), Multiply(cpu, x[(t * depth)..((t + 1) * depth)], weight, 1), $"{type}, token {t} alone on {cpu.InstructionSet}");
        }
        weight.Dequantize(dense);
        for (int t = 0; t < tokens; t++)
            for (int o = 0; o < outputs; o++)
            {
                double exact = 0, bound = 0, size = 0;
                for (int k = 0; k < depth; k++)
                {
                    // Blocks of x are no longer than 32, so no step is larger than this.
                    double step = x.AsSpan(t * depth + k / 32 * 32, 32).ToArray().Max(MathF.Abs) / 127, product = x[t * depth + k] * (double)dense[o * depth + k];
                    exact += product;
                    size += Math.Abs(product);
                    bound += Math.Abs(dense[o * depth + k]) * step * 0.5001;
                }
                bound += 1e-5 * (size + 1);
                Assert.InRange(expected[t * outputs + o], exact - bound, exact + bound);
            }
    }

    private static float[] Multiply(Cpu cpu, float[] x, BlockMatrix weight, int tokens)
    {
        float[] y = [.. Enumerable.Repeat(float.NaN, tokens * weight.Rows)];
        weight.MultiplyInIntegers(cpu, new MatrixSpan(x, tokens, weight.Columns), new MatrixSpan(y, tokens, weight.Rows));
        return y;
    }
}
