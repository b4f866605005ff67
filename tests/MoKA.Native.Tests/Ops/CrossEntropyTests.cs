using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class CrossEntropyTests
{
    [Property]
    public void KeepsTheContract(Size tokens, Size vocabulary, ulong seed) =>
        Check(Draw.Parameter(seed, new Shape(tokens, vocabulary + 1)), [.. Draw.Integers(seed, tokens, -1, vocabulary).Select(id => id < 0 ? Op.IgnoredLabel : id)]);

    [Fact]
    public void IsZeroWithoutTargets() => Check(Draw.Parameter(1, new Shape(3, 5)), [-100, -100, -100]);

    [Fact]
    public void IsZeroWithoutTokens() => Check(Draw.Parameter(1, new Shape(0, 5)), []);

    [Fact]
    public void CutsRowsIntoBlocks() => Check(Draw.Parameter(1, new Shape(70, 3)), Draw.Integers(1, 70, 0, 2));

    [Fact]
    public void DoesNotOverflow()
    {
        using Tape tape = new(Cpus.Widest);
        using Parameter logits = Draw.Parameter(new Shape(2, 3), [1e30f, 0, -1e30f, -500, 500, 400]);
        Assert.Equal(500, Op.CrossEntropy(tape, logits, new[] { 0, 0 }).Data[0]);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(5)]
    public void RefusesLabelsOutsideTheVocabulary(int label)
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter logits = new("logits", new Shape(1, 5));
        string message = Assert.Throws<ArgumentException>(() => Op.CrossEntropy(tape, logits, new[] { label })).Message;
        Assert.Equal($"CrossEntropy: a label must be -100 or an id from 0 to 4, got {label}.", message);
    }

    // The slopes are (p - 1 at the label) / targets.
    private static void Check(Parameter logits, int[] labels) => OpContract.Check(
        logits.Data.ToArray().Select(x => (double)Math.Abs(x)).DefaultIfEmpty().Max(), 1.0 / Math.Max(labels.Count(id => id != Op.IgnoredLabel), 1),
        (tape, x) => Op.CrossEntropy(tape, x[0], labels), x => Textbook.CrossEntropy(x[0], labels), logits);
}
