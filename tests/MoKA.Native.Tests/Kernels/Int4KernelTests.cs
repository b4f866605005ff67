using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;

namespace MoKA.Native.Tests.Kernels;

public sealed class Int4KernelTests
{
    [Fact]
    public void EveryInstructionSetGivesTheSameBits()
    {
        for (int blocks = 0; blocks <= 17; blocks++)
        {
            byte[] codes = [.. Enumerable.Range(0, blocks * 16).Select(i => (byte)CounterRandom.Bits(1, 0, (ulong)i))];
            float[] scales = Draw.Normal(2, blocks), expected = new float[blocks * 32];
            for (int i = 0; i < expected.Length; i++)
            {
                byte pair = codes[i / 32 * 16 + i % 16];
                expected[i] = ((i % 32 < 16 ? pair & 15 : pair >> 4) - 8) * scales[i / 32];
            }
            foreach (InstructionSet set in Cpus.Sets)
            {
                float[] actual = new float[expected.Length];
                Int4Kernels.Dequantize(set, codes, scales, actual);
                Bits.Equal(expected, actual, $"{blocks} blocks on {set}");
            }
        }
    }

    [Fact]
    public void RefusesRoomThatIsTooShort()
    {
        Assert.Throws<ArgumentException>(() => Int4Kernels.Dequantize(InstructionSets.Widest, new byte[16], new float[1], new float[31]));
        Assert.Throws<ArgumentException>(() => Int4Kernels.Dequantize(InstructionSets.Widest, new byte[15], new float[1], new float[32]));
    }
}
