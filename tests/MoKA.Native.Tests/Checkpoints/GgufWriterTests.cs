using System.Runtime.InteropServices;
using MoKA.Native.Checkpoints;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>What is written has the bytes that ggml, and the tests' own writer, give it.</summary>
public sealed class GgufWriterTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void The_file_that_ggml_wrote_is_written_again_byte_for_byte()
    {
        string path = Fixtures.Require("ggml/tiny.gguf");
        using GgufFile file = new(path);
        GgufWriter writer = new();
        writer.Add("general.architecture", file.Metadata.Text("general.architecture")!);
        writer.Add("general.alignment", (uint)file.Metadata.Integer("general.alignment")!);
        writer.Add("llama.rope.freq_base", (float)file.Metadata.Number("llama.rope.freq_base")!);
        writer.Add("tokenizer.ggml.add_bos_token", file.Metadata.Flag("tokenizer.ggml.add_bos_token")!.Value);
        writer.Add("tokenizer.ggml.tokens", file.Metadata.Texts("tokenizer.ggml.tokens")!);
        writer.Add("tokenizer.ggml.scores", file.Metadata.Numbers("tokenizer.ggml.scores")!);
        Assert.Equal(6, file.Metadata.Keys.Count);
        foreach (GgufTensor tensor in file.Tensors.Values) writer.Add(tensor.Name, tensor.Type, tensor.Shape.AsSpan(), stream => stream.Write(file.Bytes(tensor.Name)));
        writer.Save(_folder.File("tiny.gguf"));
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(_folder.File("tiny.gguf")));
    }

    [Fact]
    public void Every_kind_of_value_and_padding_is_what_another_writer_writes()
    {
        float[] floats = Draw.Normal(1, 15);
        using BlockMatrix blocks = BlockMatrix.Quantize(Draw.Normal(2, 64 * 3), 3, 64, BlockType.Q4_0);
        byte[] content = blocks.Bytes.ToArray();
        GgufBytes expected = new GgufBytes().Add("text", "Füße").Add("whole", 7u).Add("real", 0.1f).Add("yes", true).Add("no", false)
            .Add("texts", "", "▁a").Add("reals", 1f, -2.5f).Add("wholes", 3, -4)
            .Tensor("floats", GgmlType.F32, [5, 3], MemoryMarshal.AsBytes<float>(floats).ToArray())
            .Tensor("blocks", GgmlType.Q4_0, [64, 3], content).Tensor("scalar", GgmlType.F32, [], [0, 0, 0, 0]).Tensor("nothing", GgmlType.F16, [0, 4], []);
        GgufWriter writer = Values(new());
        writer.Add("floats", GgmlType.F32, [3, 5], stream => stream.WriteFloats(floats));
        writer.Add("blocks", GgmlType.Q4_0, [3, 64], stream => stream.Write(content));
        writer.Add("scalar", GgmlType.F32, [], stream => stream.Write(new byte[4]));
        writer.Add("nothing", GgmlType.F16, [4, 0], _ => { });
        foreach (string name in (string[])["once", "twice"])
        {
            writer.Save(_folder.File(name));
            Assert.Equal(expected.ToArray(), File.ReadAllBytes(_folder.File(name)));
        }
        using GgufFile file = new(_folder.File("once"));
        Assert.Equal((long[])[3, 5], file.Tensor("floats").Shape.ToArray());
    }

    [Fact]
    public void A_name_is_taken_once_and_fits()
    {
        GgufWriter writer = Values(new());
        Assert.Throws<ArgumentException>(() => writer.Add("whole", 1u));
        writer.Add(new string('n', 63), GgmlType.F32, [1], _ => { });
        Assert.Throws<ArgumentException>(() => writer.Add(new string('n', 63), GgmlType.F32, [1], _ => { }));
        Assert.Throws<ArgumentException>(() => writer.Add(new string('n', 64), GgmlType.F32, [1], _ => { }));
        Assert.Throws<ArgumentException>(() => writer.Add("rows", GgmlType.Q4_0, [2, 33], _ => { }));
        Assert.Throws<ArgumentException>(() => writer.Add("dims", GgmlType.F32, [1, 1, 1, 1, 1], _ => { }));
        Assert.Throws<ArgumentException>(() => writer.Add("type", (GgmlType)99, [1], _ => { }));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Add("negative", GgmlType.F32, [-1], _ => { }));
    }

    [Fact]
    public void A_tensor_of_the_wrong_length_or_one_that_fails_leaves_the_earlier_file()
    {
        string path = _folder.File("m.gguf", "earlier"u8);
        foreach (Action<Stream> write in (Action<Stream>[])[stream => stream.Write(new byte[8]), _ => throw new OperationCanceledException()])
        {
            GgufWriter writer = new();
            writer.Add("short", GgmlType.F32, [3], write);
            Assert.ThrowsAny<Exception>(() => writer.Save(path));
            Assert.Equal("earlier", File.ReadAllText(path));
            Assert.Single(Directory.EnumerateFileSystemEntries(_folder.Path));
        }
    }

    private static GgufWriter Values(GgufWriter writer)
    {
        writer.Add("text", "Füße");
        writer.Add("whole", 7u);
        writer.Add("real", 0.1f);
        writer.Add("yes", true);
        writer.Add("no", false);
        writer.Add("texts", ["", "▁a"]);
        writer.Add("reals", [1f, -2.5f]);
        writer.Add("wholes", new[] { 3, -4 });
        return writer;
    }
}
