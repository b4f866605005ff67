using System.Runtime.InteropServices;
using MoKA.Native.Kernels;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Quantization;

namespace MoKA.Native.Tests.Kernels;

public sealed class NumberRowsTests
{
    [Theory]
    // Rows as streams, with some left over; those of 2048 and of 4096 share few sets of a cache.
    [InlineData(BlockType.F16, 1, 1611, 768)]
    [InlineData(BlockType.F16, 2, 1064, 2048)]
    [InlineData(BlockType.BF16, 1, 1611, 800)]
    [InlineData(BlockType.BF16, 1, 800, 2048)]
    [InlineData(BlockType.BF16, 4, 835, 776)]
    // Rows that share sets and are too short to be ahead of each other, with some pieces after the last whole line.
    [InlineData(BlockType.BF16, 1, 96, 512)]
    [InlineData(BlockType.F16, 2, 77, 1024)]
    public void HalvesHaveTheBitsOfTheScalarProduct(BlockType type, int tokens, int outputs, int inputs)
    {
        using BlockMatrix weight = Stored.Random(type, outputs, inputs, seed: 1);
        float[] x = Draw.Normal(2, tokens * inputs), expected = new float[tokens * outputs], y = new float[expected.Length];
        foreach (Cpu cpu in Cpus.All)
        {
            weight.Multiply(cpu, new MatrixSpan(x, tokens, inputs), new MatrixSpan(y, tokens, outputs), transpose: true);
            if (cpu == Cpus.Scalar) y.CopyTo(expected, 0);
            Bits.Equal(expected, y, $"{type} on {cpu.InstructionSet}, {cpu.Threads} threads");
        }
    }

    [Theory]
    [InlineData(BlockType.F16)]
    [InlineData(BlockType.BF16)]
    public void EveryFiniteHalfIsItself(BlockType type)
    {
        const int inputs = 8;
        BlockFormat format = type.Format();
        ushort[] halves = [.. Enumerable.Range(0, ushort.MaxValue + 1).Select(bits => (ushort)bits).Where(bits => format.IsFinite(MemoryMarshal.AsBytes(new Span<ushort>(ref bits))))];
        using BlockMatrix weight = Stored.Blocks(type, halves.Length / inputs, inputs, MemoryMarshal.AsBytes<ushort>(halves).ToArray());
        float[] expected = new float[halves.Length], column = new float[weight.Rows];
        weight.Dequantize(expected);
        foreach (Cpu cpu in Cpus.All)
            for (int i = 0; i < inputs; i++)
            {
                float[] one = new float[inputs];
                one[i] = 1;
                weight.Multiply(cpu, new MatrixSpan(one, 1, inputs), new MatrixSpan(column, 1, weight.Rows), transpose: true);
                // A sum that begins with 0 has no negative zero.
                Bits.Equal([.. Enumerable.Range(0, weight.Rows).Select(row => expected[row * inputs + i] + 0f)], column, $"{type} on {cpu.InstructionSet}");
            }
    }
}
