using System.Text;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>Each rule of the reader, broken once, and the line the user then reads.</summary>
public sealed class SafetensorsHostileTests : IDisposable
{
    private const string Damaged = "; the file is damaged or not a safetensors file, fetch it again.";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void ShorterThanTheLength(int length) => AssertError(
        new byte[length], $"a safetensors file must have at least 8 bytes, got {length}; it is cut short or empty, fetch it again.");

    [Theory]
    [InlineData(100_000_001ul)]
    [InlineData(ulong.MaxValue)]
    public void HeaderTooLarge(ulong length) => AssertError(
        BitConverter.GetBytes(length), $"the safetensors header must be at most 100000000 bytes, got a length of {length}{Damaged}");

    [Fact]
    public void HeaderBeyondTheFile() => AssertError(
        [3, 0, 0, 0, 0, 0, 0, 0, .. "{}"u8],
        "the safetensors header of 3 bytes must end inside the file, got a file of 10 bytes; it is cut short, fetch it again.");

    [Fact]
    public void NotUtf8() => AssertError(
        [4, 0, 0, 0, 0, 0, 0, 0, .. "{\""u8, 0xff, .. "}"u8], "the header must be UTF-8 text, got other bytes" + Damaged);

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{}x")]
    [InlineData("{\"a\":1,}")]
    [InlineData("[[[[[[[[[[[[[[[[[[[[")]
    [InlineData("{\"\\ud800\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}")]
    [InlineData("{\"__metadata__\":{\"a\":\"\\udc00\"}}")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"\\u0073hape\":[0],\"data_offsets\":[0,0]}}")]
    [InlineData("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}")]
    public void NotJsonOrRepeatedKeys(string json)
    {
        string message = Error(File(json));
        Assert.StartsWith($"{Path}: the header must be JSON without repeated keys, got: ", message);
        Assert.EndsWith(Damaged, message);
    }

    [Theory]
    [InlineData("[]", "the header must be a JSON object, got an array")]
    [InlineData("null", "the header must be a JSON object, got null")]
    [InlineData("{\"__metadata__\":[]}", "__metadata__ must be an object of strings, got an array")]
    [InlineData("{\"__metadata__\":{\"k\":1}}", "__metadata__ must map to strings only, got a number for 'k'")]
    [InlineData("{\"a\":3}", "tensor 'a' must be an object with dtype, shape and data_offsets, got a number")]
    [InlineData("{\"a\":{}}", "tensor 'a' must have a dtype that is a string, got nothing")]
    [InlineData("{\"a\":{\"dtype\":5}}", "tensor 'a' must have a dtype that is a string, got a number")]
    [InlineData("{\"a\":{\"dtype\":\"f32\"}}", "tensor 'a' must have a dtype of the format such as F32, F16 or BF16, got 'f32'")]
    [InlineData("{\"a\":{\"dtype\":\"U8\"}}", "tensor 'a' must have shape as an array of integers, got nothing")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":1}}", "tensor 'a' must have shape as an array of integers, got a number")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[-1]}}", "tensor 'a' must have integers from 0 to 2^63-1 in shape, got -1")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[1.0]}}", "tensor 'a' must have integers from 0 to 2^63-1 in shape, got 1.0")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[1e3]}}", "tensor 'a' must have integers from 0 to 2^63-1 in shape, got 1e3")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[9223372036854775808]}}",
        "tensor 'a' must have integers from 0 to 2^63-1 in shape, got 9223372036854775808")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[true]}}", "tensor 'a' must have integers from 0 to 2^63-1 in shape, got true")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", "tensor 'a' must have data_offsets as an array of integers, got nothing")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0]}}", "tensor 'a' must have two data_offsets, begin and end, got 1")]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1,2]}}", "tensor 'a' must have two data_offsets, begin and end, got 3")]
    public void WrongForm(string json, string expected) => AssertError(File(json), expected + Damaged);

    [Theory]
    // A hole before the first, a hole between two, an overlap, an end before the beginning.
    [InlineData("a", 1, 5, 4, "z", 5, 9, "tensor 'a' must begin where the one before it ends, at 0, and not end before it begins, got data_offsets [1, 5]")]
    [InlineData("a", 0, 4, 4, "z", 5, 9, "tensor 'z' must begin where the one before it ends, at 4, and not end before it begins, got data_offsets [5, 9]")]
    [InlineData("a", 0, 4, 4, "z", 3, 7, "tensor 'z' must begin where the one before it ends, at 4, and not end before it begins, got data_offsets [3, 7]")]
    [InlineData("a", 0, 4, 4, "z", 4, 2, "tensor 'z' must begin where the one before it ends, at 4, and not end before it begins, got data_offsets [4, 2]")]
    [InlineData("a", 0, 4, 4, "z", 4, 9, "tensor 'z' of type U8 and shape [4] must have 4 bytes, got data_offsets [4, 9]")]
    [InlineData("a", 0, 3, 4, "z", 3, 7, "tensor 'a' of type U8 and shape [4] must have 4 bytes, got data_offsets [0, 3]")]
    public void WrongOffsets(string first, int begin, int end, int data, string second, int begin2, int end2, string expected) => AssertError(
        File($$$"""{"{{{second}}}":{"dtype":"U8","shape":[4],"data_offsets":[{{{begin2}}},{{{end2}}}]},"{{{first}}}":{"dtype":"U8","shape":[4],"data_offsets":[{{{begin}}},{{{end}}}]}}""",
            data + 4), expected + Damaged);

    [Theory]
    [InlineData("U8", "4294967296,4294967296")]
    [InlineData("U8", "4611686018427387904,4,0")]
    [InlineData("F64", "144115188075855872")]
    public void SizeOverflows(string dtype, string shape) => AssertError(
        File($$$"""{"a":{"dtype":"{{{dtype}}}","shape":[{{{shape}}}],"data_offsets":[0,0]}}"""),
        $"tensor 'a' must have a size that fits 63 bits, got shape [{shape.Replace(",", ", ")}]{Damaged}");

    [Fact]
    public void SubByteTypesMustFillBytes() => AssertError(
        File("""{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}""", 2),
        "tensor 'a' of type F4 must fill whole bytes, got shape [3], which has 12 bits" + Damaged);

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void DataMustFillTheFile(int data) => AssertError(
        File("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", data),
        $"the tensors must fill the file, 4 bytes after the header, got {data} bytes{Damaged}");

    [Fact]
    public void HostileNamesStayOnOneBoundedLine()
    {
        string name = "a\\n\\u001b[31m" + new string('x', 5000);
        string message = Error(File($$$"""{"{{{name}}}":3}"""));
        Assert.DoesNotContain(message, char.IsControl);
        Assert.Contains("tensor 'a\\u000a\\u001b[31mxxx", message);
        Assert.True(message.Length < 600);
    }

    [Fact]
    public void MissingFileAndFolder()
    {
        Assert.StartsWith($"{_folder.File("none")}: cannot be opened for reading (", Error(_folder.File("none")));
        Assert.StartsWith($"{_folder.Path}: cannot be opened for reading (", Error(_folder.Path));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{}   ")]
    [InlineData("  {}")]
    [InlineData("{\"b\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[0,0]},\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1],\"more\":0}}", 1)]
    public void UnusualButLegal(string json, int data = 0) => new SafetensorsFile(File(json, data)).Dispose();

    private string Path => _folder.File("m.safetensors");

    private string File(string json, int data = 0)
    {
        byte[] header = Encoding.UTF8.GetBytes(json);
        return _folder.File("m.safetensors", [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. new byte[data]]);
    }

    private void AssertError(byte[] file, string expected) => AssertError(_folder.File("m.safetensors", file), expected);

    private void AssertError(string path, string expected) => Assert.Equal($"{Path}: {expected}", Error(path));

    private static string Error(string path) => Assert.Throws<MokaException>(() => new SafetensorsFile(path)).Message;
}
