using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Quantization;

/// <summary>Q2_K, Q3_K and IQ4_NL, of which no reference bytes are at hand, against decoders that take one weight at a time.</summary>
public sealed class FewBitsTests
{
    private static readonly int[] Levels = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    public static TheoryData<BlockType> Types => [BlockType.Q2_K, BlockType.Q3_K, BlockType.IQ4_NL];

    [Theory]
    [MemberData(nameof(Types))]
    public void Random_blocks_are_what_the_textbook_says(BlockType type)
    {
        const int Rows = 50, Columns = 512;
        using BlockMatrix matrix = Stored.Random(type, Rows, Columns, seed: 7);
        Compare(matrix);
        Assert.Equal(Rows * Columns / type.Format().Weights * Bytes(type), matrix.StorageBytes);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_byte_of_a_block_can_be_at_either_end(BlockType type)
    {
        int size = Bytes(type);
        for (int at = 0; at < size; at++)
            foreach (byte extreme in (byte[])[0, 1, 0x0F, 0xF0, 0x80, 0xFF])
            {
                byte[] block = new byte[size];
                foreach (int scale in Scales(type)) BitConverter.GetBytes((Half)(-1.5f)).CopyTo(block, scale);
                if (Scales(type).Any(scale => at == scale || at == scale + 1)) continue;
                block[at] = extreme;
                using BlockMatrix matrix = Stored.Blocks(type, 1, type.Format().Weights, block);
                Compare(matrix);
            }
    }

    [Fact]
    public void A_weight_of_Q2_K_is_made_of_the_bits_that_its_layout_names()
    {
        byte[] block = new byte[84];
        // Weight 200: half 1, group 2 of it, place 8; run 12. Scale 5, minimum 3, code 2 at bits 4 and 5 of byte 16 + 32 + 8.
        (block[12], block[16 + 32 + 8]) = (3 << 4 | 5, 2 << 4);
        BitConverter.GetBytes((Half)0.5f).CopyTo(block, 80);
        BitConverter.GetBytes((Half)0.25f).CopyTo(block, 82);
        float[] w = Weights(BlockType.Q2_K, block);
        Assert.Equal(0.5f * 5 * 2 - 0.25f * 3, w[200]);
        Assert.Equal(-0.25f * 3, w[201]);
        Assert.Equal(15, w.Count(x => x == -0.75f));
        Assert.Equal(240, w.Count(x => x == 0));
    }

    [Fact]
    public void A_weight_of_Q3_K_is_made_of_the_bits_that_its_layout_names()
    {
        byte[] block = new byte[110];
        // All scales 32 stand for 0: upper bits 2 everywhere.
        for (int i = 104; i < 108; i++) block[i] = 0b10101010;
        // Weight 200: run 12, whose lower bits are the high half of byte 96 + 4, and whose upper bits are 6 and 7 of byte 104 + 0.
        (block[100], block[104]) = (7 << 4, 0b11101010);
        // Lower bits 2 at bits 4 and 5 of byte 32 + 32 + 8; third bit 6 of byte 8.
        (block[32 + 32 + 8], block[8]) = (2 << 4, 1 << 6);
        BitConverter.GetBytes((Half)0.5f).CopyTo(block, 108);
        float[] w = Weights(BlockType.Q3_K, block);
        Assert.Equal(0.5f * (48 + 7 - 32) * 2, w[200]);
        Assert.Equal(0.5f * (48 + 7 - 32) * -4, w[201]);
        Assert.Equal(16, w.Count(x => x != 0));
    }

    [Fact]
    public void IQ4_NL_has_its_sixteen_levels_in_order()
    {
        byte[] block = new byte[18];
        BitConverter.GetBytes((Half)1).CopyTo(block, 0);
        for (int j = 0; j < 16; j++) block[2 + j] = (byte)(j | 15 - j << 4);
        Assert.Equal([.. Levels.Select(x => (float)x), .. Levels.Reverse().Select(x => (float)x)], Weights(BlockType.IQ4_NL, block));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Blocks_without_a_scale_are_zeros_and_scales_that_are_not_finite_are_refused(BlockType type)
    {
        byte[] block = new byte[Bytes(type)];
        block.AsSpan().Fill(0xA7);
        foreach (int scale in Scales(type)) block.AsSpan(scale, 2).Clear();
        Assert.All(Weights(type, block), x => Assert.Equal(0, x));
        foreach (int scale in Scales(type))
            foreach (Half bad in (Half[])[Half.NaN, Half.PositiveInfinity, Half.NegativeInfinity])
            {
                byte[] hostile = [.. block];
                BitConverter.GetBytes(bad).CopyTo(hostile, scale);
                Assert.False(type.Format().IsFinite(hostile));
                Assert.Contains("finite", Assert.Throws<MokaException>(() => Weights(type, hostile)).Message);
            }
    }

    private static void Compare(BlockMatrix matrix)
    {
        BlockFormat format = matrix.Type.Format();
        float[] actual = new float[matrix.Rows * matrix.Columns], expected = new float[actual.Length];
        matrix.Dequantize(actual);
        for (int i = 0; i < expected.Length; i++) expected[i] = Textbook(matrix.Type, matrix.Bytes.Slice(i / format.Weights * format.Bytes, format.Bytes), i % format.Weights);
        Bits.Equal(expected, actual, matrix.Format);
    }

    /// <summary>Weight j of a block, each product and sum rounded to a float.</summary>
    private static float Textbook(BlockType type, ReadOnlySpan<byte> block, int j)
    {
        int half = j / 128, shift = j % 128 / 32 * 2, run = j / 16;
        switch (type)
        {
            case BlockType.Q2_K:
                int two = block[16 + half * 32 + j % 32] >> shift & 3;
                float scale = Scale(block, 80) * (block[run] & 15), minimum = Scale(block, 82) * (block[run] >> 4), product = scale * two;
                return product - minimum;
            case BlockType.Q3_K:
                int lower = run < 8 ? block[96 + run] & 15 : block[96 + run - 8] >> 4;
                int upper = block[96 + 8 + run % 4] >> 2 * (run / 4) & 3;
                int code = (block[32 + half * 32 + j % 32] >> shift & 3) - ((block[j % 32] >> j / 32 & 1) == 1 ? 0 : 4);
                float own = Scale(block, 108) * (lower + 16 * upper - 32);
                return own * code;
            default:
                return Levels[j < 16 ? block[2 + j] & 15 : block[2 + j - 16] >> 4] * Scale(block, 0);
        }
    }

    private static float Scale(ReadOnlySpan<byte> block, int at) => (float)BitConverter.ToHalf(block[at..]);

    private static float[] Weights(BlockType type, byte[] block)
    {
        using BlockMatrix matrix = Stored.Blocks(type, 1, type.Format().Weights, block);
        float[] weights = new float[matrix.Columns];
        matrix.Dequantize(weights);
        return weights;
    }

    private static int Bytes(BlockType type) => type switch { BlockType.Q2_K => 84, BlockType.Q3_K => 110, _ => 18 };

    private static int[] Scales(BlockType type) => type switch { BlockType.Q2_K => [80, 82], BlockType.Q3_K => [108], _ => [0] };
}
