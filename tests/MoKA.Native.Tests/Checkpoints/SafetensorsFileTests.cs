using System.Runtime.InteropServices;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>Reading: conversions to float, ranges, and real files.</summary>
public sealed class SafetensorsFileTests
{
    private static readonly float[] Exact = [0f, -0f, 1f, -1.5f, 0.25f, 448f, float.PositiveInfinity, float.NegativeInfinity];

    [Fact]
    public void MetadataMayBeNull()
    {
        byte[] header = System.Text.Encoding.UTF8.GetBytes("{\"__metadata__\":null,\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}");
        using TempFolder folder = new();
        using SafetensorsFile file = new(folder.File("null", [.. BitConverter.GetBytes((ulong)header.Length), .. header, 7]));
        Assert.Empty(file.Metadata);
        Assert.Equal([7], file.Bytes("x").ToArray());
    }

    [Fact]
    public void EveryFloatTypeIsConverted()
    {
        var writer = new SafetensorsWriter();
        writer.Add("f32", [8], Exact);
        Add(writer, "f16", ElementType.F16, Exact.Select(x => (Half)x));
        Add(writer, "bf16", ElementType.BF16, Exact.Select(x => (ushort)(BitConverter.SingleToUInt32Bits(x) >> 16)));
        Add(writer, "f64", ElementType.F64, Exact.Select(x => (double)x));
        using var folder = new TempFolder();
        using SafetensorsFile file = Saved(writer, folder);
        foreach (string name in file.Tensors.Keys)
        {
            var read = new float[8];
            file.ReadFloats(name, read);
            Assert.Equal(Exact.Select(BitConverter.SingleToUInt32Bits), read.Select(BitConverter.SingleToUInt32Bits));
        }
    }

    [Fact]
    public void EveryHalfIsConverted()
    {
        var writer = new SafetensorsWriter();
        Half[] halves = [.. Enumerable.Range(0, 1 << 16).Select(i => BitConverter.UInt16BitsToHalf((ushort)i))];
        Add(writer, "h", ElementType.F16, halves);
        using var folder = new TempFolder();
        using SafetensorsFile file = Saved(writer, folder);
        var read = new float[1 << 16];
        file.ReadFloats("h", read);
        Assert.Equal(halves.Select(x => (float)x), read);
    }

    [Fact]
    public void RangesAreReadAcrossPieces()
    {
        const int Count = (1 << 21) + 5;
        var writer = new SafetensorsWriter();
        Add(writer, "x", ElementType.BF16, Enumerable.Range(0, Count).Select(i => (ushort)i));
        using var folder = new TempFolder();
        using SafetensorsFile file = Saved(writer, folder);
        var read = new float[Count - 3];
        file.ReadFloats("x", 3, read);
        Assert.Equal(Enumerable.Range(3, Count - 3).Select(i => (uint)(ushort)i << 16), read.Select(BitConverter.SingleToUInt32Bits));
        Assert.Equal([3, 0, 4, 0], file.Bytes("x", 6, 4).ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadFloats("x", 4, read));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Bytes("x", Count * 2, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Bytes("x", -1, 1));
    }

    [Fact]
    public void WrongRequestsAreNamed()
    {
        var writer = new SafetensorsWriter();
        writer.Add("w", [2, 3], new float[6]);
        writer.Add("i", ElementType.I32, [1], new byte[4]);
        using var folder = new TempFolder();
        using SafetensorsFile file = Saved(writer, folder);
        string path = folder.File("m");
        AssertError($"{path}: must have a tensor 'x', got 2 others; check that the file belongs to this model.", () => file.Entry("x"));
        AssertError($"{path}: tensor 'w' must have 5 elements, got shape [2, 3]; check that the file belongs to this model.",
            () => file.ReadFloats("w", new float[5]));
        AssertError($"{path}: tensor 'i' must be of type F32, F16, BF16 or F64 to be read as floats, got I32; convert the model first.",
            () => file.ReadFloats("i", new float[1]));
    }

    [Fact]
    public void TensorsBeyondOneSpanAreReadInPieces()
    {
        const long Bytes = (1L << 31) + 8;
        using var folder = new TempFolder();
        string path = folder.File("sparse");
        byte[] json = [.. System.Text.Encoding.UTF8.GetBytes(
            $$$"""{"x":{"dtype":"U8","shape":[{{{Bytes}}}],"data_offsets":[0,{{{Bytes}}}]}}""")];
        using (FileStream stream = File.Create(path))
        {
            stream.Write(BitConverter.GetBytes((ulong)json.Length));
            stream.Write(json);
            stream.SetLength(8 + json.Length + Bytes);
            stream.Position = stream.Length - 1;
            stream.WriteByte(7);
        }
        using var file = new SafetensorsFile(path);
        AssertError($"{path}: tensor 'x' must have at most 2147483647 bytes to be read as one span, got {Bytes}; read it in pieces.",
            () => file.Bytes("x"));
        Assert.Equal([0, 7], file.Bytes("x", Bytes - 2, 2).ToArray());
    }

    [Fact]
    public void UseAfterDisposeIsRefused()
    {
        var writer = new SafetensorsWriter();
        writer.Add("w", [1], new float[1]);
        using var folder = new TempFolder();
        SafetensorsFile file = Saved(writer, folder);
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Bytes("w"));
    }

    [SkippableTheory]
    [InlineData("stories260K/model.safetensors", ElementType.F32)]
    [InlineData("stories260K-bf16/model.safetensors", ElementType.BF16)]
    [InlineData("stories260K-sharded/model-00001-of-00002.safetensors", ElementType.F32)]
    [InlineData("babyllama_tok361/model.safetensors", ElementType.F32)]
    [InlineData("babyllama_tok361-f16/model.safetensors", ElementType.F16)]
    public void RealModelsAreRead(string relative, ElementType type)
    {
        using var file = new SafetensorsFile(Fixtures.Require("models/hf/" + relative));
        Assert.NotEmpty(file.Tensors);
        foreach (TensorEntry entry in file.Tensors.Values)
        {
            var values = new float[entry.ElementCount];
            file.ReadFloats(entry.Name, values);
            Assert.Equal(type, entry.Type);
            Assert.All(values, x => Assert.True(float.IsFinite(x)));
            Assert.Contains(values, x => x != 0);
        }
    }

    [SkippableFact]
    public void ARealFileIsRewrittenByteForByte()
    {
        string path = Fixtures.Require("models/hf/stories260K/model.safetensors");
        using var file = new SafetensorsFile(path);
        var writer = new SafetensorsWriter();
        foreach (TensorEntry entry in file.Tensors.Values.Reverse())
        {
            writer.Add(entry.Name, entry.Type, entry.Dims.AsSpan(), file.Bytes(entry.Name).ToArray());
        }
        var stream = new MemoryStream();
        writer.WriteTo(stream, file.Metadata);
        Assert.Equal(File.ReadAllBytes(path), stream.ToArray());
    }

    private static void Add<T>(SafetensorsWriter writer, string name, ElementType type, IEnumerable<T> values) where T : unmanaged
    {
        T[] array = [.. values];
        writer.Add(name, type, [array.Length], MemoryMarshal.AsBytes(array.AsSpan()).ToArray());
    }

    private static SafetensorsFile Saved(SafetensorsWriter writer, TempFolder folder)
    {
        writer.Save(folder.File("m"));
        return new SafetensorsFile(folder.File("m"));
    }

    private static void AssertError(string message, Action act) => Assert.Equal(message, Assert.Throws<MokaException>(act).Message);
}
