using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using MoKA.Native.Checkpoints;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>Written bytes against vectors of the format's own test suite, and misuse of the writer.</summary>
public sealed class SafetensorsWriterTests
{
    private static readonly Dictionary<string, string> NoMetadata = [];

    [Fact]
    public void NoTensors() =>
        Assert.Equal(Encoding.Latin1.GetBytes("\b\0\0\0\0\0\0\0{}      "), Written(new SafetensorsWriter(), NoMetadata));

    [Fact]
    public void MetadataOnly() => Assert.Equal(
        Encoding.Latin1.GetBytes("\u0028\0\0\0\0\0\0\0{\"__metadata__\":{\"framework\":\"pt\"}}     "),
        Written(new SafetensorsWriter(), new Dictionary<string, string> { ["framework"] = "pt" }));

    [Fact]
    public void OneTensor()
    {
        var writer = new SafetensorsWriter();
        writer.Add("attn.0", [1, 2, 3], [0f, 1f, 2f, 3f, 4f, 5f]);
        byte[] expected =
        [
            64, 0, 0, 0, 0, 0, 0, 0,
            .. "{\"attn.0\":{\"dtype\":\"F32\",\"shape\":[1,2,3],\"data_offsets\":[0,24]}}"u8,
            0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64, 0, 0, 160, 64,
        ];
        Assert.Equal(expected, Written(writer, NoMetadata));
    }

    [Fact]
    public void HeaderPadsTheDataToEightBytes()
    {
        var writer = new SafetensorsWriter();
        writer.Add("attn0", [1, 2, 3], [0f, 1f, 2f, 3f, 4f, 5f]);
        byte[] bytes = Written(writer, NoMetadata);
        Assert.Equal(64ul, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        Assert.Equal("{\"attn0\":{\"dtype\":\"F32\",\"shape\":[1,2,3],\"data_offsets\":[0,24]}} ", Encoding.UTF8.GetString(bytes, 8, 64));
    }

    [Fact]
    public void WiderTypesComeFirstThenNames()
    {
        var writer = new SafetensorsWriter();
        writer.Add("b", ElementType.U8, [1], new byte[1]);
        writer.Add("z", ElementType.U64, [1], new byte[8]);
        writer.Add("a", ElementType.U8, [1], new byte[1]);
        writer.Add("h", ElementType.BF16, [1], new byte[2]);
        writer.Add("g", ElementType.F16, [1], new byte[2]);
        writer.Add("e", ElementType.F8E4M3Fnuz, [1], new byte[1]);
        using var folder = new TempFolder();
        writer.Save(folder.File("m"));
        using var file = new SafetensorsFile(folder.File("m"));
        Assert.Equal(["z", "h", "g", "e", "a", "b"], file.Tensors.Keys);
    }

    [Fact]
    public void MetadataIsOrderedAndLettersAreNotEscaped()
    {
        var writer = new SafetensorsWriter();
        writer.Add("<ü+>", [0], []);
        string text = Encoding.UTF8.GetString(Written(writer, new Dictionary<string, string> { ["b"] = "\"\\\n", ["a"] = "é" })[8..]);
        Assert.StartsWith("{\"__metadata__\":{\"a\":\"é\",\"b\":\"\\\"\\\\\\n\"},\"<ü+>\":{\"dtype\"", text);
    }

    [Fact]
    public void SaveNamesTheFormatUnlessTheCallerDoes()
    {
        using var folder = new TempFolder();
        new SafetensorsWriter().Save(folder.File("a"), new Dictionary<string, string> { ["tau"] = "1" });
        new SafetensorsWriter().Save(folder.File("b"), new Dictionary<string, string> { ["format"] = "mlx" });
        using var a = new SafetensorsFile(folder.File("a"));
        using var b = new SafetensorsFile(folder.File("b"));
        Assert.Equal(new Dictionary<string, string> { ["tau"] = "1", ["format"] = "pt" }, a.Metadata);
        Assert.Equal(new Dictionary<string, string> { ["format"] = "mlx" }, b.Metadata);
    }

    [Fact]
    public void MisuseIsRefused()
    {
        var writer = new SafetensorsWriter();
        writer.Add("x", [1], [1f]);
        Assert.Throws<ArgumentException>(() => writer.Add("x", [1], [1f]));
        Assert.Throws<ArgumentException>(() => writer.Add("__metadata__", [1], [1f]));
        Assert.Throws<ArgumentException>(() => writer.Add("y", [2, 2], [1f]));
        Assert.Throws<ArgumentException>(() => writer.Add("y", ElementType.F4, [3], new byte[2]));
        Assert.ThrowsAny<ArgumentException>(() => writer.Add("\ud800", [1], [1f]));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Add("y", [-1], []));
        Assert.Throws<OverflowException>(() => writer.Add("y", ElementType.U8, [1L << 40, 1L << 40], _ => { }));
        Assert.Equal(8 + 56 + 4, Written(writer, NoMetadata).Length);
    }

    [Fact]
    public void WrongNumberOfBytesLeavesNoFile()
    {
        var writer = new SafetensorsWriter();
        writer.Add("x", ElementType.F32, [2], stream => stream.WriteFloats([1f]));
        using var folder = new TempFolder();
        var error = Assert.Throws<InvalidOperationException>(() => writer.Save(folder.File("m")));
        Assert.Equal("x: F32 [2] must write 8 bytes, wrote 4.", error.Message);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void EveryTypeRoundTrips()
    {
        using var folder = new TempFolder();
        foreach (ElementType type in Enum.GetValues<ElementType>())
        {
            byte[] content = [.. Enumerable.Range(1, type.Bits()).Select(i => (byte)i)];
            var writer = new SafetensorsWriter();
            writer.Add("x", type, [2, 4], content);
            writer.Save(folder.File("m"));
            using var file = new SafetensorsFile(folder.File("m"));
            Assert.Equal(type, file.Entry("x").Type);
            Assert.Equal([2L, 4L], file.Entry("x").Dims.ToArray());
            Assert.Equal(content, file.Bytes("x").ToArray());
            Assert.True(ElementTypes.TryParse(type.FileName(), out ElementType parsed));
            Assert.Equal(type, parsed);
        }
    }

    [Theory]
    [InlineData]
    [InlineData(0L)]
    [InlineData(3L, 0L, 2L)]
    [InlineData(1L, 1L, 1L, 1L, 1L, 1L, 1L)]
    [InlineData(5L, 7L)]
    public void ShapesRoundTrip(params long[] dims)
    {
        float[] values = [.. Enumerable.Range(0, (int)dims.Aggregate(1L, (p, d) => p * d)).Select(i => i - 0.5f)];
        var writer = new SafetensorsWriter();
        writer.Add("x", dims, values);
        writer.Add("after", [1], [9f]);
        using var folder = new TempFolder();
        writer.Save(folder.File("m"));
        using var file = new SafetensorsFile(folder.File("m"));
        var read = new float[values.Length];
        file.ReadFloats("x", read);
        Assert.Equal(dims, file.Entry("x").Dims.ToArray());
        Assert.Equal(values, read);
        Assert.Equal(9f, MemoryMarshal.Read<float>(file.Bytes("after")));
    }

    private static byte[] Written(SafetensorsWriter writer, Dictionary<string, string> metadata)
    {
        var stream = new MemoryStream();
        writer.WriteTo(stream, metadata);
        return stream.ToArray();
    }
}
