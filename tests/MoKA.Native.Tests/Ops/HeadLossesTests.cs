using MoKA.Native.Autograd;
using MoKA.Native.Ops;

namespace MoKA.Native.Tests.Ops;

/// <summary>The loss of each token by itself is what the mean is the mean of.</summary>
public sealed class HeadLossesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1100)]
    public void EachRowHasTheLossOfACrossEntropyOfItAlone(int tokens)
    {
        const int dim = 8, vocabulary = 11;
        int[] labels = [.. Draw.Integers(1, tokens, -1, vocabulary - 1).Select(id => id < 0 ? Op.IgnoredLabel : id)];
        using Parameter weight = Draw.Parameter(2, new Shape(vocabulary, dim)), x = Draw.Parameter(3, new Shape(tokens, dim));
        foreach (Cpu cpu in Cpus.All)
        {
            using Tape tape = new(cpu, gradients: false);
            float[] losses = Op.HeadLosses(tape, x, new Head(weight), labels).Data.ToArray();
            Tensor logits = Op.MatMul(tape, x, weight, transposeB: true);
            for (int t = 0; t < tokens; t += 1 + t / 10)
            {
                Tensor row = Op.GatherRows(tape, logits, new[] { t });
                Bits.Equal([Op.CrossEntropy(tape, row, labels.AsMemory(t, 1)).Data[0]], losses.AsSpan(t, 1), $"row {t} on {cpu.InstructionSet}");
            }
        }
    }

    [Fact]
    public void RefusesToTrainAndLabelsOutsideTheVocabulary()
    {
        using Parameter weight = Draw.Parameter(2, new Shape(5, 3)), x = Draw.Parameter(3, new Shape(1, 3));
        using Tape training = new(Cpus.Scalar), tape = new(Cpus.Scalar, gradients: false);
        Assert.Contains("HeadCrossEntropy", Assert.Throws<InvalidOperationException>(() => Op.HeadLosses(training, x, new Head(weight), new[] { 0 })).Message, StringComparison.Ordinal);
        Assert.Contains("from 0 to 4", Assert.Throws<ArgumentException>(() => Op.HeadLosses(tape, x, new Head(weight), new[] { 5 })).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Op.HeadLosses(tape, x, new Head(weight), new[] { 0, 1 }));
    }

    private readonly record struct Head(Parameter Weight) : ISegment
    {
        public Tensor Forward(Tape tape, Tensor x) => Op.MatMul(tape, x, Weight, transposeB: true);
    }
}
