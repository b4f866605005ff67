using MoKA.Native.Kernels;

namespace MoKA.Native.Tests.Kernels;

/// <summary>Products of one matrix with every token's own: the chains of the packed product, and nothing written behind the last token.</summary>
public sealed class InPlaceProductTests
{
    [SkippableTheory]
    [InlineData(5, 16, 20, 16)]
    [InlineData(4, 24, 7, 16)]
    [InlineData(3, 30, 20, 16)]
    [InlineData(1, 8, 9, 16)]
    [InlineData(3, 17, 12, 24)]
    [InlineData(2, 33, 5, 70)]
    // Half of AVX2's two registers, and every number of rows that its tiles are left with.
    [InlineData(5, 9, 20, 8)]
    [InlineData(2, 11, 7, 12)]
    [InlineData(2, 14, 7, 33)]
    public void EachTokenIsItsOwnProduct(int tokens, int rows, int depth, int width)
    {
        const int guard = 64;
        InstructionSet[] sets = [.. Cpus.Sets.Where(set => InPlaceProduct.Can(set, width))];
        Skip.If(sets.Length == 0, $"no instruction set here multiplies {width} columns in place");
        float[] a = Draw.Normal(1, rows * depth), b = Draw.Normal(2, tokens * depth * width), before = Draw.Normal(3, tokens * rows * width + guard);
        foreach (bool accumulate in (bool[])[false, true])
        {
            float[] expected = [.. before];
            for (int t = 0; t < tokens; t++)
                GemmTests.Chain(new MatrixSpan(a, rows, depth), new MatrixSpan(b.AsSpan(t * depth * width), depth, width), new MatrixSpan(expected.AsSpan(t * rows * width), rows, width), accumulate);
            foreach (InstructionSet set in sets)
            {
                using Cpu cpu = new(1, set);
                float[] actual = [.. before];
                InPlaceProduct.RunEach(new Worker(cpu, 0), new MatrixSpan(a, rows, depth), new TokenMajor(b, tokens, depth, width), new TokenMajor(actual, tokens, rows, width), accumulate);
                Bits.Equal(expected, actual, $"{set}, accumulate {accumulate}");
            }
        }
    }

    [Fact]
    public void RefusesWhatItWouldReadBeyond()
    {
        float[] numbers = new float[400];
        foreach (InstructionSet set in Cpus.Sets)
        {
            using Cpu cpu = new(1, set);
            Assert.Throws<ArgumentException>(() => InPlaceProduct.RunEach(new Worker(cpu, 0), new MatrixSpan(numbers, 20, 20), new TokenMajor(numbers, 2, 20, 7), new TokenMajor(numbers, 2, 20, 7), accumulate: false));
            Assert.Throws<ArgumentException>(() => InPlaceProduct.Run(new Worker(cpu, 0), new MatrixSpan(numbers, 20, 20), new MatrixSpan(numbers, 10, 20), new MatrixSpan(numbers, 20, 20), accumulate: false));
        }
    }
}
