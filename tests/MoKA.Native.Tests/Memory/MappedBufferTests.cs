using MoKA.Native.Memory;

namespace MoKA.Native.Tests.Memory;

public sealed class MappedBufferTests
{
    [Fact]
    public void EmptyFileHasAnEmptySpan()
    {
        using var folder = new TempFolder();
        using var buffer = new MappedBuffer(folder.File("empty", []));
        Assert.Equal(0, buffer.Length);
        Assert.True(buffer.Span(0, 0).IsEmpty);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Span(0, 1).Length);
    }

    [Fact]
    public void SpansStayInsideTheFile()
    {
        using var folder = new TempFolder();
        using var buffer = new MappedBuffer(folder.File("three", [1, 2, 3]));
        Assert.Equal([2, 3], buffer.Span(1, 2).ToArray());
        Assert.True(buffer.Span(3, 0).IsEmpty);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Span(2, 2).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Span(-1, 1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Span(0, -1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Span(long.MaxValue, int.MaxValue).Length);
    }

    [Fact]
    public void DisposedTwiceAndThenUsed()
    {
        using var folder = new TempFolder();
        var buffer = new MappedBuffer(folder.File("one", [1]));
        buffer.Dispose();
        buffer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => buffer.Span(0, 1).Length);
    }
}
