using System.Runtime.InteropServices;
using FsCheck.Xunit;
using MoKA.Native.Diagnostics;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Quantization;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 30)]
public sealed class BlockMatrixTests
{
    public static TheoryData<BlockType> Types => [.. Enum.GetValues<BlockType>()];

    public static TheoryData<BlockType> Referenced => [.. Enum.GetValues<BlockType>().Where(type => type is not (BlockType.Q2_K or BlockType.Q3_K or BlockType.IQ4_NL))];

    public static TheoryData<BlockType> Written => [BlockType.F16, BlockType.BF16, BlockType.Q4_0, BlockType.Q8_0];

    [SkippableTheory]
    [MemberData(nameof(Referenced))]
    public void Reads_the_numbers_of_ggml(BlockType type)
    {
        byte[] file = File.ReadAllBytes(Fixtures.Require($"ggml/x.{FixtureName(type)}"));
        float[] expected = Floats($"ggml/x.{FixtureName(type)}.deq.f32"), actual = new float[expected.Length];
        using BlockMatrix matrix = Stored.Blocks(type, 2, expected.Length / 2, file);
        matrix.Dequantize(actual);
        Bits.Equal(expected, actual, "the dequantised weights");
        Assert.Equal(file.Length, matrix.StorageBytes);
    }

    [SkippableTheory]
    [MemberData(nameof(Written))]
    public void Writes_the_bytes_of_ggml(BlockType type)
    {
        float[] x = Floats("ggml/x.f32");
        using BlockMatrix matrix = BlockMatrix.Quantize(x, 2, x.Length / 2, type);
        Assert.Equal(File.ReadAllBytes(Fixtures.Require($"ggml/x.{FixtureName(type)}")), matrix.Bytes.ToArray());
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Any_piece_of_a_row_has_the_bits_of_the_whole(BlockType type)
    {
        const int Rows = 3, Columns = 512;
        using BlockMatrix matrix = Stored.Random(type, Rows, Columns, seed: 1);
        float[] whole = new float[Rows * Columns];
        matrix.Dequantize(whole);
        foreach ((int column, int count) in ((int, int)[])[(0, 0), (0, 1), (31, 2), (32, 32), (5, 300), (255, 257), (511, 1), (96, 128)])
        {
            float[] piece = new float[count];
            for (int row = 0; row < Rows; row++)
            {
                new Native.Kernels.BlockRows(type.Format(), matrix.Bytes, Columns).Dequantize(row, column, piece);
                Bits.Equal(whole.AsSpan(row * Columns + column, count), piece, $"row {row}, {count} from {column}");
            }
        }
    }

    [Property]
    public void Its_numbers_quantise_to_themselves(Size rows, Size blocks, ulong seed, bool eightBits)
    {
        BlockType type = eightBits ? BlockType.Q8_0 : BlockType.Q4_0;
        float[] x = Draw.Normal(seed, rows * blocks * 32), once = new float[x.Length], twice = new float[x.Length];
        using BlockMatrix first = BlockMatrix.Quantize(x, rows, blocks * 32, type);
        first.Dequantize(once);
        using BlockMatrix second = BlockMatrix.Quantize(once, rows, blocks * 32, type);
        second.Dequantize(twice);
        Bits.Equal(once, twice, "the weights quantised again");
        Assert.Equal(first.Bytes.ToArray(), second.Bytes.ToArray());
    }

    [Property]
    public void Errors_stay_within_half_a_step(Size blocks, ulong seed, bool eightBits)
    {
        float[] x = Draw.Normal(seed, blocks * 32), w = new float[x.Length];
        using BlockMatrix matrix = BlockMatrix.Quantize(x, 1, blocks * 32, eightBits ? BlockType.Q8_0 : BlockType.Q4_0);
        matrix.Dequantize(w);
        for (int i = 0; i < x.Length; i++)
        {
            // Half a step, and in Q4_0 a whole one at the short end of the scale, where +8 has no code. Rounding the step to
            // half precision moves the ends by 8, or 127, steps times 2^-11.
            float step = (float)MemoryMarshal.Read<Half>(matrix.Bytes[(i / 32 * (eightBits ? 34 : 18))..]);
            double bound = Math.Abs(step) * (eightBits ? 0.5 + 127.0 / 2048 : w[i] == 7 * step ? 1.005 : 0.505);
            Assert.InRange(Math.Abs((double)x[i] - w[i]), 0, bound);
        }
    }

    [Property]
    public void Halves_are_the_nearest(Size rows, Size columns, ulong seed)
    {
        float[] x = Draw.Normal(seed, rows * columns), half = new float[x.Length], brain = new float[x.Length];
        using BlockMatrix halves = BlockMatrix.Quantize(x, rows, columns, BlockType.F16), brains = BlockMatrix.Quantize(x, rows, columns, BlockType.BF16);
        halves.Dequantize(half);
        brains.Dequantize(brain);
        Bits.Equal([.. x.Select(v => (float)(Half)v)], half, "halves");
        for (int i = 0; i < x.Length; i++) Assert.InRange(Math.Abs((double)x[i] - brain[i]), 0, Math.ScaleB(1, Math.ILogB(x[i]) - 8));
    }

    [Fact]
    public void Every_half_is_read_as_the_runtime_reads_it()
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            ushort half = (ushort)bits;
            float expected = (float)BitConverter.UInt16BitsToHalf(half), actual = Native.Kernels.GroupOf32.Half(ref MemoryMarshal.AsBytes(new Span<ushort>(ref half))[0], 0);
            Assert.Equal(BitConverter.SingleToUInt32Bits(expected), BitConverter.SingleToUInt32Bits(actual));
        }
    }

    [Fact]
    public void The_weight_of_largest_magnitude_is_hit()
    {
        float[] x = [.. Draw.Normal(1, 32)], w = new float[32];
        (x[5], x[9]) = (-8, 8);
        using BlockMatrix matrix = BlockMatrix.Quantize(x, 1, 32, BlockType.Q4_0);
        matrix.Dequantize(w);
        // The first of the two ties sets the sign of the scale.
        Assert.Equal((-8f, 7f), (w[5], w[9]));
    }

    [Theory]
    [MemberData(nameof(Written))]
    public void Zeros_stay_zeros(BlockType type)
    {
        float[] w = new float[64];
        using BlockMatrix matrix = BlockMatrix.Quantize(new float[64], 2, 32, type);
        matrix.Dequantize(w);
        Assert.All(w, x => Assert.Equal(0, x));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Refuses_weights_that_are_not_finite(float hostile)
    {
        float[] x = Draw.Normal(1, 64);
        x[40] = hostile;
        foreach (BlockType type in (BlockType[])[BlockType.F16, BlockType.BF16, BlockType.Q4_0, BlockType.Q8_0])
            Assert.Contains("finite", Assert.Throws<MokaException>(() => BlockMatrix.Quantize(x, 2, 32, type)).Message);
    }

    [Theory]
    [InlineData(BlockType.Q4_0, 524_288f)]
    [InlineData(BlockType.Q4_0, -3e38f)]
    [InlineData(BlockType.Q8_0, 1e7f)]
    [InlineData(BlockType.F16, 70_000f)]
    [InlineData(BlockType.BF16, 3.4e38f)]
    public void Refuses_weights_that_are_too_large(BlockType type, float large)
    {
        float[] x = Draw.Normal(1, 32);
        x[3] = large;
        Assert.Contains("too large", Assert.Throws<MokaException>(() => BlockMatrix.Quantize(x, 1, 32, type)).Message);
    }

    [Fact]
    public void Refuses_what_does_not_fit()
    {
        Assert.Equal("up: the columns of Q4_0 must be whole blocks of 32, got [2, 33]; keep this weight in BF16.", Assert.Throws<MokaException>(() => BlockMatrix.Quantize(new float[66], 2, 33, BlockType.Q4_0, "up")).Message);
        Assert.Equal("weight: [2, 32] needs 64 weights, got 63.", Assert.Throws<ArgumentException>(() => BlockMatrix.Quantize(new float[63], 2, 32, BlockType.Q4_0)).Message);
        Assert.Contains("read but not written", Assert.Throws<MokaException>(() => BlockMatrix.Quantize(new float[256], 1, 256, BlockType.Q6_K)).Message);
        Assert.Contains("must take 36 bytes, got 35", Assert.Throws<MokaException>(() => Stored.Blocks(BlockType.Q4_0, 2, 32, new byte[35])).Message);
        using BlockMatrix matrix = BlockMatrix.Quantize(new float[64], 2, 32, BlockType.Q4_0);
        Assert.Throws<ArgumentException>(() => matrix.Dequantize(new float[65]));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.DequantizeRow(2, new float[32]));
    }

    private static string FixtureName(BlockType type) => type switch
    {
        BlockType.F16 or BlockType.BF16 or BlockType.Q4_0 or BlockType.Q4_1 or BlockType.Q5_0 or BlockType.Q5_1 or BlockType.Q8_0 => type.ToString().ToLowerInvariant(),
        _ => "q" + type.ToString()[1..],
    };

    private static float[] Floats(string fixture) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Fixtures.Require(fixture))).ToArray();
}
