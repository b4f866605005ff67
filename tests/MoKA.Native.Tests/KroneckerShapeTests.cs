using FsCheck.Xunit;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Tests;

[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 50)]
public sealed class KroneckerShapeTests
{
    [Property]
    public void ReadsWhatItWrites(Size rowsA, Size columnsA, Size rowsB, Size columnsB)
    {
        KroneckerShape shape = new(rowsA, columnsA, rowsB, columnsB);
        Assert.Equal(shape, KroneckerShape.Parse(shape.ToString()));
        Assert.Equal((columnsA * columnsB, rowsA * rowsB, rowsA * columnsA + rowsB * columnsB), (shape.In, shape.Out, (int)shape.Parameters));
    }

    [Theory]
    [InlineData("")]
    [InlineData("16x8")]
    [InlineData("16x8:16")]
    [InlineData("16x8:16x32:4x4")]
    [InlineData("16x8:16x-32")]
    [InlineData("16x8:16x0")]
    [InlineData("16x8:16x32000000000")]
    [InlineData("16 x8:16x32")]
    public void ShowsHowAShapeIsWritten(string text) =>
        Assert.Equal($"Filter shape: write rowsA x columnsA : rowsB x columnsB without spaces, as in 16x8:16x32; got '{text}'.", Assert.Throws<MokaException>(() => KroneckerShape.Parse(text)).Message);
}
