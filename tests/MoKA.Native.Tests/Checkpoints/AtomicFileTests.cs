using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>A written file is whole or absent, and nothing else is left in its folder.</summary>
public sealed class AtomicFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TextAndBytesReplaceTheOldFile()
    {
        string path = _folder.File("a.txt");
        AtomicFile.WriteText(path, "a longer first text");
        AtomicFile.WriteText(path, "é\n");
        Assert.Equal([0xc3, 0xa9, 10], File.ReadAllBytes(path));
        AtomicFile.Write(path, stream => stream.Write([1, 2]));
        Assert.Equal([1, 2], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void FailureKeepsTheOldFile()
    {
        string path = _folder.File("a");
        AtomicFile.WriteText(path, "old");
        Assert.Throws<FormatException>(() => AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(1);
            Assert.Equal("old", File.ReadAllText(path));
            throw new FormatException();
        }));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void TheFolderMustExist()
    {
        string path = _folder.File("none/a");
        string message = Assert.Throws<MokaException>(() => AtomicFile.WriteText(path, "x")).Message;
        Assert.StartsWith($"{path}: cannot be written (", message);
        Assert.EndsWith(" check that the folder exists, may be written, and has free space.", message);
    }

    [Fact]
    public void AFolderIsNotReplaced()
    {
        Directory.CreateDirectory(_folder.File("sub"));
        Assert.Throws<MokaException>(() => AtomicFile.WriteText(_folder.File("sub"), "x"));
        Assert.Equal([_folder.File("sub")], Directory.GetFileSystemEntries(_folder.Path));
    }
}
