using System.Runtime.InteropServices;
using FsCheck.Xunit;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Quantization;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 30)]
public sealed class CodebookMatrixTests
{
    /// <summary>Half the widest gap between NF4's levels, -1 and -0.696.</summary>
    private const double WorstOfNf4 = (1 - 0.6961928009986877) / 2;

    /// <summary>Half the widest gap between FP4's levels, 8 and 12 twelfths.</summary>
    private const double WorstOfFp4 = 4 / 12.0 / 2;

    [Fact]
    public void The_levels_are_sixteen_of_which_NF4_has_eight_positive_and_seven_negative()
    {
        float[] nf4 = Codebook.Nf4.Levels.ToArray(), fp4 = Codebook.Fp4.Levels.ToArray();
        Assert.Equal((16, 8, 7, 1), (nf4.Length, nf4.Count(x => x > 0), nf4.Count(x => x < 0), nf4.Count(x => x == 0)));
        Assert.Equal(nf4.Order(), nf4);
        Assert.Equal((16, 7, 7, 2), (fp4.Length, fp4.Count(x => x > 0), fp4.Count(x => x < 0), fp4.Count(x => x == 0)));
        Assert.Equal((-1f, 1f, -1f, 1f), (nf4.Min(), nf4.Max(), fp4.Min(), fp4.Max()));
    }

    [Fact]
    public void NF4_is_made_of_quantiles_of_the_normal_distribution()
    {
        // QLoRA, arXiv 2305.14314: quantiles at even steps from 1 - 1/31 to 1/2, eight above zero and seven below, over the largest.
        const double First = 0.9677083;
        double[] positive = [.. Enumerable.Range(0, 8).Select(i => Quantile(First + (0.5 - First) * i / 8))];
        double[] negative = [.. Enumerable.Range(0, 7).Select(i => -Quantile(First + (0.5 - First) * i / 7))];
        double[] expected = [.. negative.Append(0).Concat(positive).Order().Select(x => x / positive[0])];
        foreach ((double e, float a) in expected.Zip(Codebook.Nf4.Levels.ToArray())) Assert.Equal(e, a, 2e-6);
    }

    [Theory]
    [InlineData(CodebookType.NF4)]
    [InlineData(CodebookType.FP4)]
    public void Levels_are_fixed_points(CodebookType type)
    {
        float[] levels = (type == CodebookType.NF4 ? Codebook.Nf4 : Codebook.Fp4).Levels.ToArray(), weights = [.. levels.Concat(levels).Concat(levels).Concat(levels)], back = new float[64];
        foreach (float scale in (float[])[1, 0.5f, -1, 3.7e-5f])
        {
            float[] scaled = [.. weights.Select(x => x * scale)];
            using CodebookMatrix once = CodebookMatrix.Quantize(scaled, 1, 64, type);
            once.Dequantize(back);
            for (int i = 0; i < 64; i++) Assert.Equal(scaled[i], back[i], Math.Abs(scale) * (scale < 0 && type == CodebookType.NF4 ? WorstOfNf4 : 1e-7));
            using CodebookMatrix twice = CodebookMatrix.Quantize(back, 1, 64, type);
            float[] again = new float[64];
            twice.Dequantize(again);
            Bits.Equal(back, again, "the weights quantised again");
        }
    }

    [Property]
    public void Errors_stay_within_half_the_widest_gap_of_the_levels(Size rows, Size columns, ulong seed, bool fp4, bool small)
    {
        int block = small ? 32 : 64;
        float[] x = Draw.Normal(seed, rows * columns), w = new float[x.Length];
        using CodebookMatrix matrix = CodebookMatrix.Quantize(x, rows, columns, fp4 ? CodebookType.FP4 : CodebookType.NF4, blockSize: block);
        matrix.Dequantize(w);
        for (int i = 0; i < x.Length; i++)
        {
            float largest = x.Skip(i / block * block).Take(block).Max(MathF.Abs);
            Assert.InRange(Math.Abs((double)x[i] - w[i]), 0, largest * (fp4 ? WorstOfFp4 : WorstOfNf4) * (1 + 1e-6));
        }
    }

    [Property]
    public void Doubly_quantised_magnitudes_stay_within_half_the_widest_gap_of_their_map(Size blocks, ulong seed)
    {
        int count = 64 * 7 * blocks;
        float[] x = Draw.Normal(seed, count), plain = new float[count], nested = new float[count];
        for (int i = 0; i < count; i++) x[i] *= 1 + i / 64 % 5;
        using CodebookMatrix one = CodebookMatrix.Quantize(x, 1, count), two = CodebookMatrix.Quantize(x, 1, count, nested: true);
        Assert.Equal(one.Codes.ToArray(), two.Codes.ToArray());
        float[] magnitudes = MemoryMarshal.Cast<byte, float>(one.MagnitudeBytes).ToArray();
        one.Dequantize(plain);
        two.Dequantize(nested);
        // The widest gap of the map lies between its largest levels.
        double worst = DynamicMap.Levels.Zip(DynamicMap.Levels.Skip(1), (a, b) => (double)b - a).Max() / 2;
        for (int i = 0; i < count; i++)
        {
            double range = two.NestedScales!.Scales[i / 64 / 256], level = plain[i] / (double)magnitudes[i / 64];
            Assert.InRange(Math.Abs((double)plain[i] - nested[i]), 0, Math.Abs(level) * range * worst + 1e-5 * magnitudes[i / 64]);
        }
    }

    [Property]
    public void A_power_of_two_changes_the_magnitudes_alone(Size rows, Size columns, ulong seed)
    {
        float[] x = Draw.Normal(seed, rows * columns), scaled = [.. x.Select(v => v * 1024)];
        using CodebookMatrix one = CodebookMatrix.Quantize(x, rows, columns), other = CodebookMatrix.Quantize(scaled, rows, columns);
        Assert.Equal(one.Codes.ToArray(), other.Codes.ToArray());
    }

    [Fact]
    public void The_first_of_two_codes_is_the_high_half_and_ties_go_down()
    {
        float[] levels = Codebook.Nf4.Levels.ToArray(), x = new float[65];
        (x[0], x[1], x[2]) = (1, -1, (levels[9] + levels[10]) / 2);
        x[64] = 2;
        using CodebookMatrix matrix = CodebookMatrix.Quantize(x, 5, 13);
        // 1 is level 15, -1 level 0, the middle of levels 9 and 10 is 9, zero is 7; the short last block is one weight and padding.
        Assert.Equal((0xF0, 0x97, 0x77, 0xF0, 33), (matrix.Codes[0], matrix.Codes[1], matrix.Codes[2], matrix.Codes[32], matrix.Codes.Length));
        Assert.Equal([1f, 2f], MemoryMarshal.Cast<byte, float>(matrix.MagnitudeBytes).ToArray());
    }

    [Theory]
    [InlineData(CodebookType.NF4, false)]
    [InlineData(CodebookType.NF4, true)]
    [InlineData(CodebookType.FP4, true)]
    public void Blocks_of_zeros_stay_zeros(CodebookType type, bool nested)
    {
        float[] w = Draw.Normal(1, 128);
        using CodebookMatrix matrix = CodebookMatrix.Quantize(new float[128], 2, 64, type, nested);
        matrix.Dequantize(w);
        Assert.All(w, x => Assert.Equal(0, x));
    }

    [Fact]
    public void The_dynamic_map_has_its_known_ends()
    {
        float[] map = DynamicMap.Levels;
        Assert.Equal((256, 0f, 1f), (map.Length, map[127], map[255]));
        Assert.Equal(map.Order(), map);
        Assert.Equal([-0.99296875f, -0.97890625f, 0.97890625f, 0.99296875f, 5.5e-7f], ((int[])[0, 1, 253, 254, 128]).Select(i => map[i]));
    }

    [Fact]
    public void Says_its_bits_a_weight()
    {
        using CodebookMatrix plain = CodebookMatrix.Quantize(new float[1 << 20], 1024, 1024), nested = CodebookMatrix.Quantize(new float[1 << 20], 1024, 1024, nested: true);
        Assert.Equal(4.5, plain.BitsPerWeight, 0.001);
        Assert.Equal(4.127, nested.BitsPerWeight, 0.01);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(8192)]
    [InlineData(48)]
    [InlineData(0)]
    [InlineData(-64)]
    public void Refuses_block_sizes_that_are_none(int size) =>
        Assert.Contains($"got {size}", Assert.Throws<MokaException>(() => CodebookMatrix.Quantize(new float[64], 1, 64, blockSize: size)).Message);

    [Fact]
    public void Refuses_what_does_not_fit()
    {
        Assert.Contains("finite", Assert.Throws<MokaException>(() => CodebookMatrix.Quantize([1, float.NaN], 1, 2)).Message);
        Assert.Throws<ArgumentException>(() => CodebookMatrix.Quantize(new float[3], 2, 2));
    }

    /// <summary>The normal quantile by bisection of the distribution function, itself a sum of many small steps.</summary>
    private static double Quantile(double p)
    {
        const int Steps = 200_000;
        const double Far = 3;
        double sum = 0.5, step = Far / Steps;
        for (int i = 0; i < Steps; i++)
        {
            double x = (i + 0.5) * step, next = sum + step * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
            if (next >= p) return (i + (p - sum) / (next - sum)) * step;
            sum = next;
        }
        return Far;
    }
}
