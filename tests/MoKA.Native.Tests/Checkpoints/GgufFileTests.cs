using System.Runtime.InteropServices;
using MoKA.Native.Checkpoints;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>What a GGUF file holds comes back as it was written.</summary>
public sealed class GgufFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Every_type_of_value_comes_back(uint version)
    {
        GgufBytes bytes = new GgufBytes { Version = version }
            .Raw("u8", GgufValueType.UInt8, 200).Raw("i8", GgufValueType.Int8, 200)
            .Raw("u16", GgufValueType.UInt16, BitConverter.GetBytes((ushort)60000)).Raw("i16", GgufValueType.Int16, BitConverter.GetBytes((short)-3))
            .Add("u32", 4_000_000_000).Raw("i32", GgufValueType.Int32, BitConverter.GetBytes(-4))
            .Raw("u64", GgufValueType.UInt64, BitConverter.GetBytes(1UL << 40)).Raw("i64", GgufValueType.Int64, BitConverter.GetBytes(-1L << 40))
            .Add("f32", 0.1f).Raw("f64", GgufValueType.Float64, BitConverter.GetBytes(0.1)).Add("yes", true).Add("no", false)
            .Add("text", "▁née\n").Add("empty", "").Add("texts", "a", "", "ß").Add("floats", 1f, -2.5f).Add("ints", 1, -7).Add("none", System.Array.Empty<string>());
        using GgufFile file = Open(bytes);
        GgufMetadata metadata = file.Metadata;
        Assert.Equal(((int)version, 32), (file.Version, file.Alignment));
        Assert.Equal([200, -56, 60000, -3, 4_000_000_000, -4, 1L << 40, -1L << 40], new[] { "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64" }.Select(k => metadata.Integer(k)!.Value));
        Assert.Equal((0.1f, 0.1), (metadata.Number("f32"), metadata.Number("f64")));
        Assert.Equal((true, false), (metadata.Flag("yes"), metadata.Flag("no")));
        Assert.Equal(("▁née\n", ""), (metadata.Text("text"), metadata.Text("empty")));
        Assert.Equal(["a", "", "ß"], metadata.Texts("texts")!);
        Assert.Equal([1f, -2.5f], metadata.Numbers("floats")!);
        Assert.Equal([1, -7], metadata.Integers("ints")!);
        Assert.Empty(metadata.Texts("none")!);
        Assert.Equal((GgufValueType.Array, GgufValueType.Bool, null), (metadata.TypeOf("texts"), metadata.TypeOf("yes"), metadata.TypeOf("gone")));
        Assert.Equal((null, null, null, null), (metadata.Text("gone"), metadata.Integer("gone"), metadata.Number("gone"), metadata.Flag("gone")));
        Assert.Null(metadata.Texts("gone"));
        Assert.Equal(18, metadata.Keys.Count);
        Assert.Empty(file.Tensors);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(32)]
    [InlineData(64)]
    public void Tensors_come_back_where_they_lie(uint alignment)
    {
        float[] matrix = Draw.Normal(1, 6);
        byte[] blocks = [.. Draw.Integers(2, 36, 0, 60).Select(i => (byte)i)];
        using GgufFile file = Open(new GgufBytes().Align(alignment)
            .Tensor("matrix", GgmlType.F32, [3, 2], MemoryMarshal.AsBytes<float>(matrix).ToArray())
            .Tensor("scalar", GgmlType.F32, [], BitConverter.GetBytes(3f))
            .Tensor("none", GgmlType.F16, [0, 7], [])
            .Tensor("blocks", GgmlType.Q4_0, [32, 2], blocks)
            .Tensor("cube", GgmlType.I8, [2, 1, 3, 1], [1, 2, 3, 4, 5, 6]));
        Assert.Equal(["matrix", "scalar", "none", "blocks", "cube"], file.Tensors.Keys);
        Assert.All(file.Tensors.Values, tensor => Assert.Equal(0, tensor.Offset % alignment));
        Assert.Equal([2, 3], file.Tensor("matrix").Shape.ToArray());
        Assert.Equal((6, 1, 0, 64, 6), (file.Tensor("matrix").ElementCount, file.Tensor("scalar").ElementCount, file.Tensor("none").ElementCount, file.Tensor("blocks").ElementCount, file.Tensor("cube").ElementCount));
        Assert.Equal(blocks, file.Bytes("blocks").ToArray());
        using FrozenMatrix floats = file.ReadMatrix("matrix", 2, 3), stored = file.ReadMatrix("blocks", 2, 32), turned = file.ReadMatrix("matrix", 2, 3, row => 1 - row), turnedBlocks = file.ReadMatrix("blocks", 2, 32, row => 1 - row);
        Bits.Equal(matrix, Dense(floats), "matrix");
        Bits.Equal([.. matrix[3..], .. matrix[..3]], Dense(turned), "turned matrix");
        Assert.Equal("Q4_0", stored.Format);
        float[] straight = Dense(stored);
        Bits.Equal([.. straight[32..], .. straight[..32]], Dense(turnedBlocks), "turned blocks");
        float[] vector = new float[1];
        Assert.Throws<MoKA.Native.Diagnostics.MokaException>(() => file.ReadVector("scalar", vector));
    }

    [Fact]
    public void Vectors_are_read_in_each_floating_point_type()
    {
        float[] numbers = [1, -2.5f, 0.375f], back = new float[3];
        using GgufFile file = Open(new GgufBytes()
            .Tensor("f32", GgmlType.F32, [3], MemoryMarshal.AsBytes<float>(numbers).ToArray())
            .Tensor("f16", GgmlType.F16, [3], [.. numbers.SelectMany(x => BitConverter.GetBytes((Half)x))])
            .Tensor("bf16", GgmlType.BF16, [3], [.. numbers.SelectMany(x => BitConverter.GetBytes(x)[2..])])
            .Tensor("nan", GgmlType.F32, [1], BitConverter.GetBytes(float.NaN))
            .Tensor("ints", GgmlType.I32, [3], new byte[12])
            .Tensor("iq", GgmlType.IQ2_XXS, [256, 1], new byte[66]));
        foreach (string name in (string[])["f32", "f16", "bf16"])
        {
            file.ReadVector(name, back);
            Assert.Equal(numbers, back);
        }
        ErrorLine.Of(() => file.ReadVector("nan", new float[1]), "nan", "finite");
        ErrorLine.Of(() => file.ReadVector("ints", back), "ints", "I32");
        ErrorLine.Of(() => file.ReadVector("f32", new float[4]), "f32", "[4]", "[3]");
        ErrorLine.Of(() => file.ReadMatrix("iq", 1, 256), "iq", "IQ2_XXS");
        ErrorLine.Of(() => file.Tensor("gone"), "gone", "6 others");
    }

    [SkippableFact]
    public void The_file_that_ggml_wrote_is_read()
    {
        using GgufFile file = new(Fixtures.Require("ggml/tiny.gguf"));
        Assert.Equal(("llama", 500000.0, true), (file.Metadata.Text("general.architecture"), file.Metadata.Number("llama.rope.freq_base"), file.Metadata.Flag("tokenizer.ggml.add_bos_token")));
        Assert.Equal(["<unk>", "▁a", "b"], file.Metadata.Texts("tokenizer.ggml.tokens")!);
        Assert.Equal([0f, -1f, -2.5f], file.Metadata.Numbers("tokenizer.ggml.scores")!);
        Assert.Equal(("a.weight", "b.weight"), (file.Tensors.Values.First().Name, file.Tensors.Values.Last().Name));
    }

    private GgufFile Open(GgufBytes bytes) => new(_folder.File("m.gguf", bytes.ToArray()));

    private static float[] Dense(FrozenMatrix matrix)
    {
        float[] weights = new float[matrix.Rows * matrix.Columns];
        matrix.Dequantize(weights);
        return weights;
    }
}
