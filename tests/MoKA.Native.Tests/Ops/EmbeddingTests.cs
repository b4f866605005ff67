using FsCheck.Xunit;
using MoKA.Native.Autograd;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Ops;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class EmbeddingTests
{
    [Property]
    public void KeepsTheContract(Size vocabulary, Size dim, Size tokens, ulong seed) =>
        Check(Draw.Parameter(seed, new Shape(vocabulary, dim)), Draw.Integers(seed, tokens, 0, vocabulary - 1));

    [Fact]
    public void AddsTheGradientsOfRepeatedTokens() => Check(Draw.Parameter(1, new Shape(3, 5)), [2, 2, 0, 2]);

    [Fact]
    public void TakesNoTokens() => Check(Draw.Parameter(1, new Shape(3, 5)), []);

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public void RefusesIdsOutsideTheTable(int id)
    {
        using Tape tape = new(Cpus.Scalar);
        using Parameter table = new("table", new Shape(3, 2));
        string message = Assert.Throws<ArgumentException>(() => Op.Embedding(tape, table, new[] { 0, id })).Message;
        Assert.Equal($"Embedding: token 1 must be an id from 0 to 2, got {id}; tokenizer and model do not belong together.", message);
    }

    private static void Check(Parameter table, int[] ids) => OpContract.Check((tape, x) => Op.Embedding(tape, x[0], ids), x => Textbook.Embedding(x[0], ids), table);
}
