using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Ops;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Quantization;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 15)]
public sealed class FrozenMatMulTests
{
    [Fact]
    public void JudgesASmallSumBesideItsTerms() => KeepsTheContract(new Size(1), new Size(1), new Size(1), seed: 11); // in Q5_1, -0.2 of terms that add to 65

    [Property]
    public void KeepsTheContract(Size tokens, Size outputs, Size inputs, ulong seed)
    {
        foreach (FrozenMatrix weight in Stored.All(outputs, inputs, seed).Concat(Stored.All(outputs, 32, seed)))
        {
            using (weight)
            {
                Matrix<double> dense = Draw.Exact(Dense(weight));
                OpContract.Check((tape, x) => Op.FrozenMatMul(tape, x[0], weight), x => Textbook.MatMul(x[0], dense.Transposed), Draw.Parameter(seed + 1, new Shape(tokens, weight.Columns)));
            }
        }
    }

    [Theory]
    [InlineData(0, 3, 32)]
    [InlineData(1, 1, 32)]
    [InlineData(1, 75, 256)]
    [InlineData(1, 65, 2080)]
    [InlineData(1, 133, 4096)]
    [InlineData(1, 64, 192)]
    [InlineData(2, 75, 256)]
    [InlineData(4, 133, 512)]
    [InlineData(7, 65, 2080)]
    [InlineData(11, 64, 4096)]
    [InlineData(24, 129, 192)]
    [InlineData(25, 129, 192)]
    [InlineData(5, 33, 288)]
    [InlineData(5, 33, 173)]
    [InlineData(130, 17, 96)]
    [InlineData(3, 300, 64)]
    [InlineData(2, 3, 512)]
    public void EqualsTheFloatProductWithTheDequantisedMatrixToTheBit(int tokens, int outputs, int inputs)
    {
        foreach (FrozenMatrix weight in Stored.All(outputs, inputs, seed: 4))
            foreach (Cpu cpu in Cpus.All)
            {
                using Parameter dense = Dense(weight), x = Draw.Parameter(5, new Shape(tokens, inputs)), same = Draw.Parameter(5, new Shape(tokens, inputs));
                using Tape tape = new(cpu);
                Tensor y = Op.FrozenMatMul(tape, x, weight), expected = Op.MatMul(tape, same, dense, transposeB: true);
                float[] weights = Draw.Normal(6, y.Shape.Count);
                tape.Backward(Op.Add(tape, WeightedSum.Of(tape, y, weights), WeightedSum.Of(tape, expected, weights)));
                Bits.Equal(expected.Data, y.Data, $"{weight.Format} on {cpu.InstructionSet}");
                Bits.Equal(same.Gradient, x.Gradient, $"{weight.Format} on {cpu.InstructionSet}, the gradient");
            }
    }

    [Fact]
    public void LooksUpTheRowsOfATable()
    {
        foreach (FrozenMatrix table in Stored.All(7, 64, seed: 2))
        {
            using Tape tape = new(Cpus.Scalar);
            using Parameter dense = Dense(table);
            Bits.Equal(Op.Embedding(tape, dense, new[] { 6, 0, 6 }).Data, Op.Embedding(tape, table, new[] { 6, 0, 6 }).Data, table.Format);
            Assert.Contains("from 0 to 6, got 7", Assert.Throws<ArgumentException>(() => Op.Embedding(tape, table, new[] { 7 })).Message);
        }
    }

    [Theory]
    [InlineData(BlockType.F16)]
    [InlineData(BlockType.BF16)]
    [InlineData(BlockType.Q4_0)]
    [InlineData(BlockType.Q8_0)]
    public void NamesAWeightThatIsNotFiniteWhenItIsUsed(BlockType type)
    {
        byte[] content = new byte[2 * type.BytesOfRow(64)];
        content.AsSpan(content.Length / 2, 2).Fill(0xFF); // not a number, in either half-precision type
        using BlockMatrix weight = Stored.Blocks(type, 2, 64, content);
        using Tape tape = new(Cpus.Scalar);
        using Parameter x = Draw.Parameter(1, new Shape(1, 64));
        Assert.Equal("weight: must hold finite numbers, got one that is infinite or not a number; the file is damaged.", Assert.Throws<MokaException>(() => Op.FrozenMatMul(tape, x, weight)).Message);
        Assert.Throws<MokaException>(() => Op.Embedding(tape, weight, new[] { 1 }));
        Assert.All(Op.Embedding(tape, weight, new[] { 0 }).Data.ToArray(), v => Assert.Equal(0, v));
    }

    [Fact]
    public void SaysWhichLengthItNeeds()
    {
        using Tape tape = new(Cpus.Scalar);
        using BlockMatrix weight = BlockMatrix.Quantize(new float[128], 2, 64, BlockType.Q4_0);
        using Parameter x = new("x", new Shape(3, 32));
        Assert.Equal("FrozenMatMul: x must have rows of 64 to match weight [2, 64], got x [3, 32].", Assert.Throws<ArgumentException>(() => Op.FrozenMatMul(tape, x, weight)).Message);
    }

    private static Parameter Dense(FrozenMatrix weight)
    {
        Parameter dense = new("dense", new Shape(weight.Rows, weight.Columns), trainable: false);
        weight.Dequantize(dense.Data);
        return dense;
    }
}
