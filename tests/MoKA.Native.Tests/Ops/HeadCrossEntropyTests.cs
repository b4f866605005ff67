using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class HeadCrossEntropyTests
{
    [Property]
    public void KeepsTheContract(Size tokens, Size dim, Size vocabulary, ulong seed) => Keeps(tokens, dim, vocabulary, seed);

    // Here the loss is a thousandth of the logits that it is the difference of.
    [Fact]
    public void ASmallLossKeepsIt() => Keeps(tokens: 2, dim: 4, vocabulary: 1, seed: 0);

    // Here each label is almost certain, and p - 1 a hundred-thousandth of what it is the difference of.
    [Fact]
    public void AlmostCertainLabelsKeepIt() => Keeps(tokens: 2, dim: 13, vocabulary: 1, seed: 0);

    private static void Keeps(int tokens, int dim, int vocabulary, ulong seed)
    {
        int[] labels = [.. Draw.Integers(seed, tokens, -1, vocabulary).Select(id => id < 0 ? Op.IgnoredLabel : id)];
        using Parameter weight = Draw.Parameter(seed + 1, new Shape(vocabulary + 1, dim));
        weight.Trainable = false;
        using Parameter x = Draw.Parameter(seed, new Shape(tokens, dim));
        double logits = Textbook.MatMul(Draw.Exact(x), Draw.Exact(weight).Transposed).Data.Select(Math.Abs).DefaultIfEmpty().Max();
        // The slopes are Σ (p - 1 at the label) W / targets.
        double slopes = weight.Data.ToArray().Max(Math.Abs) / Math.Max(labels.Count(id => id != Op.IgnoredLabel), 1);
        OpContract.Check(logits, slopes, (tape, p) => Op.HeadCrossEntropy(tape, p[0], new Head(weight), labels), p => Loss(p[0], Draw.Exact(weight), labels), x);
    }

    [Fact]
    public void ATrainedHeadLearns()
    {
        int[] labels = [2, Op.IgnoredLabel, 0];
        using Parameter weight = Draw.Parameter(1, new Shape(4, 5)), x = Draw.Parameter(2, new Shape(3, 5)), copy = Draw.Parameter(1, new Shape(4, 5));
        using Tape tape = new(Cpus.Widest);
        tape.Backward(Op.HeadCrossEntropy(tape, x, new Head(weight), labels));
        tape.Reset();
        tape.Backward(Op.CrossEntropy(tape, Op.MatMul(tape, x, copy, transposeB: true), labels));
        Bits.Equal(copy.Gradient.ToArray(), weight.Gradient, "the gradient of the head");
    }

    [Fact]
    public void MoreRowsThanGoAtOnceGiveTheBitsOfOneProduct()
    {
        const int tokens = 1100, dim = 8, vocabulary = 11;
        int[] labels = [.. Draw.Integers(1, tokens, -1, vocabulary - 1).Select(id => id < 0 ? Op.IgnoredLabel : id)];
        using Parameter weight = Draw.Parameter(2, new Shape(vocabulary, dim));
        weight.Trainable = false;
        using Parameter apart = Draw.Parameter(3, new Shape(tokens, dim)), together = Draw.Parameter(3, new Shape(tokens, dim));
        using Tape tape = new(Cpus.Widest);
        Tensor loss = Op.HeadCrossEntropy(tape, apart, new Head(weight), labels);
        float first = loss.Data[0];
        tape.Backward(loss);
        tape.Reset();
        Tensor plain = Op.CrossEntropy(tape, Op.MatMul(tape, together, weight, transposeB: true), labels);
        Assert.Equal(plain.Data[0], first, 1e-6f);
        tape.Backward(plain);
        Bits.Equal(together.Gradient.ToArray(), apart.Gradient, "the gradient of the head's input");
    }

    [Fact]
    public void NeedsNoRecordToGiveALoss()
    {
        using Parameter weight = Draw.Parameter(2, new Shape(5, 3)), x = Draw.Parameter(3, new Shape(4, 3));
        using Tape recording = new(Cpus.Widest), inference = new(Cpus.Widest, gradients: false);
        float expected = Op.HeadCrossEntropy(recording, x, new Head(weight), new[] { 0, 1, 2, 3 }).Data[0];
        Assert.Equal(expected, Op.HeadCrossEntropy(inference, x, new Head(weight), new[] { 0, 1, 2, 3 }).Data[0]);
    }

    [Fact]
    public void RefusesLabelsOutsideTheVocabulary()
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter weight = new("W", new Shape(5, 3), trainable: false), x = new("x", new Shape(1, 3));
        string message = Assert.Throws<ArgumentException>(() => Op.HeadCrossEntropy(tape, x, new Head(weight), new[] { 5 })).Message;
        Assert.Equal("HeadCrossEntropy: a label must be -100 or an id from 0 to 4, got 5.", message);
    }

    private static Matrix<double> Loss(Matrix<double> x, Matrix<double> weight, int[] labels) =>
        Textbook.CrossEntropy(Textbook.MatMul(x, weight.Transposed), labels);

    private readonly record struct Head(Parameter Weight) : ISegment
    {
        public Tensor Forward(Tape tape, Tensor x) => Op.MatMul(tape, x, Weight, transposeB: true);
    }
}
