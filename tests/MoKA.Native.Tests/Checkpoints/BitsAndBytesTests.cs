using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using FsCheck.Xunit;
using MoKA.Native.Checkpoints;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>A 4-bit weight as bitsandbytes' six tensors: their bytes mean what its documentation says, and damage is named.</summary>
[Properties(Arbitrary = [typeof(Sizes)], MaxTest = 20)]
public sealed class BitsAndBytesTests : IDisposable
{
    private const string Name = "w.weight";
    private readonly TempFolder _folder = new();

    public static TheoryData<string, string> Damages => new()
    {
        { "no magnitudes", ".absmax" },
        { "no levels", ".quant_map" },
        { "no nested map", ".nested_quant_map" },
        { "two states", "got 2" },
        { "short codes", "bytes of codes" },
        { "short magnitudes", "bytes of magnitudes" },
        { "float magnitudes", "must be U8" },
        { "other levels", "levels of NF4" },
        { "short levels", "[16]" },
        { "nested scales", "scales" },
        { "not json", "must be JSON" },
        { "not an object", "must be JSON" },
        { "no block size", "must be JSON" },
        { "block size 48", "got 48" },
        { "block size huge", "must be JSON" },
        { "block size text", "must be JSON" },
        { "nested block size 0", "nested block size" },
        { "no offset", "nested_offset" },
        { "another shape", "[40, 10]" },
        { "another type", "quant_type" },
        { "large state", "at most" },
        { "infinite scale", "finite" },
        { "offset too large", "finite" },
    };

    public void Dispose() => _folder.Dispose();

    [Property]
    public void Comes_back_with_every_bit(Size rows, Size columns, ulong seed, bool fp4, bool nested)
    {
        using CodebookMatrix matrix = CodebookMatrix.Quantize(Draw.Normal(seed, rows * columns), rows, columns, fp4 ? CodebookType.FP4 : CodebookType.NF4, nested);
        Save(matrix);
        using SafetensorsFile file = new(_folder.File("w"));
        HashSet<string> read = [];
        CodebookMatrix back = BitsAndBytes.Read(file, Name, rows, columns, read);
        Bits.Equal(Floats(matrix), Floats(back), "the weights");
        Assert.Equal((matrix.Type, matrix.BlockSize, matrix.Nested, matrix.StorageBytes), (back.Type, back.BlockSize, back.Nested, back.StorageBytes));
        Assert.Equal(file.Tensors.Keys.Order(), read.Order());
    }

    [Theory]
    [InlineData("nf4", false)]
    [InlineData("nf4", true)]
    [InlineData("fp4", false)]
    [InlineData("fp4", true)]
    public void Its_tensors_mean_the_weights(string type, bool nested)
    {
        const int Rows = 40, Columns = 533; // blocks run across rows, the last is short, and the count of weights is odd in half the rows
        using CodebookMatrix matrix = CodebookMatrix.Quantize(Draw.Normal(1, Rows * Columns), Rows, Columns, type == "nf4" ? CodebookType.NF4 : CodebookType.FP4, nested);
        Save(matrix);
        using SafetensorsFile file = new(_folder.File("w"));
        string[] expected = [Name, $"{Name}.absmax", $"{Name}.quant_map", $"{Name}.quant_state.bitsandbytes__{type}", .. nested ? (string[])[$"{Name}.nested_absmax", $"{Name}.nested_quant_map"] : []];
        Assert.Equal(expected.Order(), file.Tensors.Keys.Order());
        Assert.Equal([(Rows * Columns + 1) / 2, 1], file.Entry(Name).Dims.ToArray());

        using JsonDocument json = JsonDocument.Parse(file.Bytes(expected[3]).ToArray());
        string[] keys = ["quant_type", "blocksize", "dtype", "shape", .. nested ? (string[])["nested_blocksize", "nested_dtype", "nested_offset"] : []];
        Assert.Equal(keys, json.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal((type, 64, "bfloat16"), (json.RootElement.GetProperty("quant_type").GetString(), json.RootElement.GetProperty("blocksize").GetInt32(), json.RootElement.GetProperty("dtype").GetString()));

        byte[] codes = file.Bytes(Name).ToArray(), quantized = file.Bytes($"{Name}.absmax").ToArray();
        float[] levels = Read(file, ".quant_map"), weights = Floats(matrix);
        float[] map = nested ? Read(file, ".nested_quant_map") : [], scales = nested ? Read(file, ".nested_absmax") : [];
        float offset = nested ? json.RootElement.GetProperty("nested_offset").GetSingle() : 0;
        for (int i = 0; i < weights.Length; i++)
        {
            int block = i / 64;
            float magnitude = nested ? map[quantized[block]] * scales[block / 256] : BitConverter.ToSingle(quantized, 4 * block);
            magnitude = nested ? magnitude + offset : magnitude;
            Assert.Equal(levels[i % 2 == 0 ? codes[i / 2] >> 4 : codes[i / 2] & 15] * magnitude, weights[i]);
        }
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public void Damage_is_named(string damage, string named)
    {
        const int Rows = 40, Columns = 10;
        using CodebookMatrix matrix = CodebookMatrix.Quantize(Draw.Normal(1, Rows * Columns), Rows, Columns, nested: true);
        Save(matrix);
        const string State = $"{Name}.quant_state.bitsandbytes__nf4";
        TensorFile.Edit(_folder.File("w"), f =>
        {
            void Json(Func<string, string> change)
            {
                byte[] text = Encoding.UTF8.GetBytes(change("""{"quant_type":"nf4","blocksize":64,"dtype":"float32","shape":[40,10],"nested_blocksize":256,"nested_dtype":"float32","nested_offset":0.5}"""));
                f.Add(State, ElementType.U8, [text.Length], text);
            }
            switch (damage)
            {
                case "no magnitudes": f.Remove($"{Name}.absmax"); break;
                case "no levels": f.Remove($"{Name}.quant_map"); break;
                case "no nested map": f.Remove($"{Name}.nested_quant_map"); break;
                case "two states": f.Add($"{Name}.quant_state.bitsandbytes__fp4", ElementType.U8, [2], "{}"u8.ToArray()); break;
                case "short codes": f.Add(Name, ElementType.U8, [199, 1], new byte[199]); break;
                case "short magnitudes": f.Add($"{Name}.absmax", ElementType.U8, [6], new byte[6]); break;
                case "float magnitudes": f.Add($"{Name}.absmax", ElementType.F32, [7], new byte[28]); break;
                case "other levels": f.PokeFloat($"{Name}.quant_map", -0.9f); break;
                case "short levels": f.Add($"{Name}.quant_map", ElementType.F32, [15], new byte[60]); break;
                case "nested scales": f.Add($"{Name}.nested_absmax", ElementType.F32, [2], new byte[8]); break;
                case "not json": f.Poke(State, 0xFF, 0xFE); break;
                case "not an object": Json(_ => "[1]"); break;
                case "no block size": Json(t => t.Replace("blocksize\":64", "size\":64", StringComparison.Ordinal).Replace("nested_size", "nested_blocksize", StringComparison.Ordinal)); break;
                case "block size 48": Json(t => t.Replace("\"blocksize\":64", "\"blocksize\":48", StringComparison.Ordinal)); break;
                case "block size huge": Json(t => t.Replace("\"blocksize\":64", "\"blocksize\":6400000000000", StringComparison.Ordinal)); break;
                case "block size text": Json(t => t.Replace("\"blocksize\":64", "\"blocksize\":\"64\"", StringComparison.Ordinal)); break;
                case "nested block size 0": Json(t => t.Replace(":256", ":0", StringComparison.Ordinal)); break;
                case "no offset": Json(t => t.Replace("nested_offset", "offset", StringComparison.Ordinal)); break;
                case "another shape": Json(t => t.Replace("[40,10]", "[10,40]", StringComparison.Ordinal)); break;
                case "another type": Json(t => t.Replace("nf4", "fp4", StringComparison.Ordinal)); break;
                case "large state": Json(t => t + new string(' ', 1 << 16)); break;
                case "infinite scale": f.PokeFloat($"{Name}.nested_absmax", float.PositiveInfinity); break;
                case "offset too large": Json(t => t.Replace("0.5", "1e39", StringComparison.Ordinal)); break;
            }
        });
        using SafetensorsFile file = new(_folder.File("w"));
        ErrorLine.Of(() => Use(BitsAndBytes.Read(file, Name, Rows, Columns, new HashSet<string>())), _folder.File("w"), named);
    }

    private static void Use(CodebookMatrix matrix)
    {
        float[] x = new float[matrix.Columns], y = new float[matrix.Rows];
        matrix.Multiply(Cpus.Scalar, new Native.Kernels.MatrixSpan(x, 1, x.Length), new Native.Kernels.MatrixSpan(y, 1, y.Length), transpose: true);
    }

    private void Save(CodebookMatrix matrix)
    {
        SafetensorsWriter writer = new();
        BitsAndBytes.Add(writer, Name, "bfloat16", () => matrix);
        writer.Save(_folder.File("w"));
    }

    private static float[] Read(SafetensorsFile file, string suffix) => MemoryMarshal.Cast<byte, float>(file.Bytes(Name + suffix)).ToArray();

    private static float[] Floats(FrozenMatrix matrix)
    {
        float[] weights = new float[matrix.Rows * matrix.Columns];
        matrix.Dequantize(weights);
        return weights;
    }
}
