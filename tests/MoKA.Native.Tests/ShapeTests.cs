using FsCheck.Xunit;

namespace MoKA.Native.Tests;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 30)]
public sealed class ShapeTests
{
    [Property]
    public void CountsRowsAndColumns(Size d0, Size d1, Size d2, Size d3)
    {
        foreach (Shape shape in (Shape[])[new(d0), new(d0, d1), new(d0, d1, d2), new(d0, d1, d2, d3)])
        {
            Assert.Equal(shape.Count, shape.Rows * shape.Columns);
            Assert.Equal(shape.Count, Enumerable.Range(0, shape.Rank).Select(i => shape[i]).Aggregate((a, b) => a * b));
            Assert.Equal($"[{string.Join(", ", Enumerable.Range(0, shape.Rank).Select(i => shape[i]))}]", shape.ToString());
            Assert.Equal((shape.Rows, 5), (shape.WithColumns(5).Rows, shape.WithColumns(5).Columns));
            Assert.Throws<ArgumentOutOfRangeException>(() => shape[shape.Rank]);
        }
    }

    [Fact]
    public void RefusesWhatHasNoCount()
    {
        Assert.Equal("Shape: dimensions must not be negative, got [2, -1].", Assert.Throws<ArgumentException>(() => new Shape(2, -1)).Message);
        Assert.Throws<ArgumentException>(() => new Shape(65_536, 65_536));
        Assert.Throws<ArgumentException>(() => new Shape(int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue));
        Assert.NotEqual(new Shape(6), new Shape(1, 6));
    }

    [Theory]
    [InlineData(new int[0], 0, 0)]
    [InlineData(new[] { 1, 3 }, 0, 3)]
    [InlineData(new[] { 0, 4 }, 0, 3)]
    [InlineData(new[] { 0, 2, 1, 3 }, 0, 3)]
    [InlineData(new[] { 0, 3 }, -1, 3)]
    public void SequencesMustAscendFromZeroToTheTokens(int[] starts, int offset, int tokens) =>
        Assert.Equal($"Sequences: starts must ascend from 0 to the number of tokens, {tokens}.", Assert.Throws<ArgumentException>(() => new Sequences(starts, offset).Validate(tokens)).Message);

    [Fact]
    public void SequencesMayBeEmpty()
    {
        Sequences sequences = new(new[] { 0, 0, 3, 3 });
        sequences.Validate(3);
        Assert.Equal((3, 3, 0, 3), (sequences.Count, sequences.Tokens, sequences.Length(0), sequences.Length(1)));
    }
}
