using MoKA.Native.Checkpoints;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>One broken rule at a time, each refused in a line that names it.</summary>
public sealed class GgufHostileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Other_formats_and_versions_are_named()
    {
        Refused(new GgufBytes { Magic = "GGML" }, "magic");
        Refused(new GgufBytes { Version = 1 }, "version 1");
        Refused(new GgufBytes { Version = 4 }, "version 4");
        Refused(new GgufBytes { Version = 0 }, "version 0");
        Refused(new GgufBytes { Version = 0x03000000 }, "big-endian");
        Refused(System.Array.Empty<byte>(), "inside the file");
    }

    [Fact]
    public void Every_cut_is_refused()
    {
        byte[] whole = Small().ToArray();
        using (GgufFile file = new(_folder.File("m", whole))) Assert.Equal(2, file.Tensors.Count);
        // The last tensor's padding may be missing, and nothing else.
        int end = whole.Length - 28;
        for (int length = 0; length < end; length++) Refused(whole[..length], "m");
        using GgufFile cut = new(_folder.File("m", whole[..end]));
        Assert.Equal(4, cut.Bytes("b").Length);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 63)]
    [InlineData(1UL << 32)]
    [InlineData(1000)]
    public void Counts_that_the_file_cannot_hold_are_refused_before_anything_is_made(ulong count)
    {
        Refused(Small(bytes => bytes.Counts = (count, null)), "number of tensors");
        Refused(Small(bytes => bytes.Counts = (null, count)), "metadata pairs");
        Refused(Small().Array("many", GgufValueType.String, (long)count, []), "many");
        Refused(Small().Array("many", GgufValueType.UInt8, (long)count, []), "many");
        Refused(Small().Array("many", GgufValueType.Float64, (long)count, new byte[8]), "many");
        Refused(Small().Raw("long", GgufValueType.String, BitConverter.GetBytes(count)), "long");
    }

    [Fact]
    public void Values_that_are_none_are_refused()
    {
        Refused(Small().Raw("odd", (GgufValueType)13), "odd", "13");
        Refused(Small().Array("odd", (GgufValueType)77, 0, []), "odd", "77");
        Refused(Small().Array("nested", GgufValueType.Array, 1, [4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), "nested", "array of arrays");
        Refused(Small().Raw("flag", GgufValueType.Bool, 2), "flag", "boolean");
        Refused(Small().Array("flags", GgufValueType.Bool, 2, [1, 7]), "flags", "boolean");
        Refused(Small().Add("twice", 1u).Add("twice", 2u), "twice");
        Refused(Small().Raw([0xFF, 0xFE], GgufValueType.UInt8, 1), "key", "UTF-8");
        Refused(Small().Add("general.alignment", 4u), "general.alignment", "4");
        Refused(Small().Add("general.alignment", 24u), "general.alignment", "24");
        Refused(Small().Add("general.alignment", 0u), "general.alignment");
        Refused(Small().Add("general.alignment", 1u << 31), "general.alignment");
        Refused(Small().Add("general.alignment", 32f), "general.alignment", "Float32");
    }

    [Fact]
    public void Values_of_another_type_are_refused_when_they_are_asked_for()
    {
        using GgufFile file = new(_folder.File("m", Small().Add("text", "x").Add("one", 1u).Add("list", 1, 2).Raw("huge", GgufValueType.UInt64, BitConverter.GetBytes(ulong.MaxValue))
            .Raw("bytes", GgufValueType.String, 1, 0, 0, 0, 0, 0, 0, 0, 0xFF).ToArray()));
        GgufMetadata metadata = file.Metadata;
        ErrorLine.Of(() => metadata.Integer("text"), "'text'", "whole number", "String");
        ErrorLine.Of(() => metadata.Integer("list"), "'list'", "array of Int32");
        ErrorLine.Of(() => metadata.Integer("huge"), "'huge'", "18446744073709551615");
        ErrorLine.Of(() => metadata.Text("one"), "'one'", "string");
        ErrorLine.Of(() => metadata.Text("bytes"), "'bytes'", "UTF-8");
        ErrorLine.Of(() => metadata.Number("one"), "'one'", "floating-point");
        ErrorLine.Of(() => metadata.Flag("one"), "'one'", "true or false");
        ErrorLine.Of(() => metadata.Texts("list"), "'list'", "strings");
        ErrorLine.Of(() => metadata.Numbers("list"), "'list'");
        ErrorLine.Of(() => metadata.Integers("one"), "'one'");
    }

    [Fact]
    public void Tensors_that_break_a_rule_are_named()
    {
        Refused(Small().Tensor("a", GgmlType.F32, [1], new byte[4]), "'a'", "twice");
        Refused(Small().Tensor(new string('n', 64), GgmlType.F32, [1], new byte[4]), "63 bytes", "64");
        Refused(Small().Tensor("c", GgmlType.F32, [1, 1, 1, 1, 1], new byte[4]), "'c'", "4 dimensions");
        Refused(Small().Tensor("c", (GgmlType)4, [32], new byte[20]), "'c'", "4");
        Refused(Small().Tensor("c", (GgmlType)1000, [1], new byte[4]), "'c'", "1000");
        Refused(Small().Tensor("c", GgmlType.Q4_0, [33], new byte[36]), "'c'", "whole blocks of 32", "33");
        Refused(Small().Tensor("c", GgmlType.Q6_K, [128], new byte[210]), "'c'", "256");
        Refused(Small().Tensor("c", GgmlType.Q4_0, [], new byte[18]), "'c'", "whole blocks");
        Refused(Small().Tensor("c", GgmlType.F32, [1UL << 32, 1UL << 32], []), "'c'", "2^63");
        Refused(Small().Tensor("c", GgmlType.F32, [ulong.MaxValue], []), "'c'", "2^63");
        Refused(Small().Tensor("c", GgmlType.F64, [1UL << 62], []), "'c'", "bytes");
        Refused(Small().Tensor("c", GgmlType.F32, [1UL << 40], []), "'c'", "inside the file");
        Refused(Small(bytes => bytes.ExtraOffset = 32), "'b'", "at 32, got 64");
        Refused(Small(bytes => bytes.ExtraOffset = ulong.MaxValue), "'b'", "at 32, got 31");
        Refused(Small().Tensor("\u001b[2J", GgmlType.F32, [3], []), "\\u001b[2J", "inside the file");
    }

    private static GgufBytes Small(Action<GgufBytes>? change = null)
    {
        GgufBytes bytes = new GgufBytes().Add("name", "small").Tensor("a", GgmlType.F32, [2], new byte[8]).Tensor("b", GgmlType.F32, [1], new byte[4]);
        change?.Invoke(bytes);
        return bytes;
    }

    private void Refused(GgufBytes bytes, params string[] naming) => Refused(bytes.ToArray(), naming);

    private void Refused(byte[] file, params string[] naming)
    {
        string path = _folder.File("m", file);
        long before = GC.GetAllocatedBytesForCurrentThread();
        ErrorLine.Of(() => new GgufFile(path).Dispose(), [path, .. naming]);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
    }
}
