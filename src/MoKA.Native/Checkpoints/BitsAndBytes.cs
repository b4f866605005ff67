using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using MoKA.Native.Diagnostics;
using MoKA.Native.Kernels;
using MoKA.Native.Memory;
using MoKA.Native.Quantization;

namespace MoKA.Native.Checkpoints;

/// <summary>
/// A 4-bit weight as bitsandbytes keeps it in safetensors, up to six tensors:
/// <code>
/// X                                    U8 [⌈n / 2⌉, 1], two codes a byte, the first in the high half
/// X.absmax                             F32 [blocks], or U8 with double quantisation
/// X.quant_map                          F32 [16], the levels
/// X.nested_absmax, X.nested_quant_map  F32 [⌈blocks / 256⌉] and [256], with double quantisation
/// X.quant_state.bitsandbytes__nf4      U8, the bytes of a JSON object
/// </code>
/// </summary>
public static class BitsAndBytes
{
    private const string StateSuffix = ".quant_state.bitsandbytes__", Magnitudes = ".absmax", Levels = ".quant_map", NestedMagnitudes = ".nested_absmax", NestedLevels = ".nested_quant_map";
    private const int LargestState = 1 << 16;

    /// <summary>Whether the file keeps this weight so.</summary>
    public static bool Has(SafetensorsReader file, string name) => StateKeys(file, name).Any();

    /// <summary>Reads a weight; its codes and magnitudes stay in the mapped file, which must not be disposed while the matrix is used.</summary>
    /// <param name="file">The open file.</param>
    /// <param name="name">X.</param>
    /// <param name="rows">How many outputs the model asks for.</param>
    /// <param name="columns">How many inputs.</param>
    /// <param name="read">Receives the names of the tensors that belong to the weight.</param>
    /// <exception cref="MokaException">A tensor is missing, of another type or length, or the JSON says what does not fit.</exception>
    public static CodebookMatrix Read(SafetensorsReader file, string name, int rows, int columns, ISet<string> read)
    {
        string label = $"{Quoted.Plain(file.PathOf(name))}: {Quoted.Name(name)}";
        string[] keys = [.. StateKeys(file, name)];
        if (keys.Length != 1) throw new MokaException($"{label} must have one {StateSuffix}nf4 or {StateSuffix}fp4, got {keys.Length}; the file is damaged.");
        State state = State.Parse(label, file, keys[0]);
        if (!state.Shape.SequenceEqual([rows, columns])) throw new MokaException($"{label} must be {Quoted.Dims([rows, columns])} by config.json, got {Quoted.Dims([.. state.Shape])}; check that both files belong together.");
        Codebook codebook = state.Type.Codebook();
        if (!Floats(file, label, name + Levels, codebook.Levels.Length).AsSpan().SequenceEqual(codebook.Levels))
            throw new MokaException($"{label} must have the levels of {state.Type}, got others in {Quoted.Name(name + Levels)}; quantise the model again.");
        read.UnionWith([name, keys[0], name + Magnitudes, name + Levels]);
        NestedMagnitudes? nested = null;
        if (file.Tensors.ContainsKey(name + NestedMagnitudes))
        {
            read.UnionWith([name + NestedMagnitudes, name + NestedLevels]);
            if (state.NestedBlockSize is not { } nestedBlock || state.NestedOffset is not { } offset)
                throw new MokaException($"{label} must have nested_blocksize and nested_offset in {Quoted.Name(keys[0])} because its magnitudes are quantised, got neither; the file is damaged.");
            nested = new NestedMagnitudes(label, Floats(file, label, name + NestedLevels, DynamicMap.Length), Floats(file, label, name + NestedMagnitudes), nestedBlock, offset);
        }
        return new CodebookMatrix(label, state.Type, rows, columns, state.BlockSize, Bytes(file, label, name, null), Bytes(file, label, name + Magnitudes, nested is null ? ElementType.F32 : ElementType.U8), nested);
    }

    /// <summary>Adds a weight. <paramref name="quantize"/> is asked for it once now and again when the file is written, tensor by tensor.</summary>
    /// <param name="writer">The file to be.</param>
    /// <param name="name">X.</param>
    /// <param name="dtype">What other tools should compute with: float32, float16 or bfloat16.</param>
    /// <param name="quantize">Gives the weight, the same each time.</param>
    public static void Add(SafetensorsWriter writer, string name, string dtype, Func<CodebookMatrix> quantize)
    {
        CodebookMatrix matrix = quantize();
        Codebook codebook = matrix.Type.Codebook();
        string suffix = matrix.Type.ToString().ToLowerInvariant();
        int blocks = Ceiling.OfRatio(matrix.Rows * matrix.Columns, matrix.BlockSize);
        writer.Add(name, ElementType.U8, [matrix.Codes.Length, 1], stream => Write(stream, quantize(), m => m.Codes));
        writer.Add(name + Magnitudes, matrix.Nested ? ElementType.U8 : ElementType.F32, [blocks], stream => Write(stream, quantize(), m => m.MagnitudeBytes));
        writer.Add(name + Levels, [codebook.Levels.Length], codebook.Levels.ToArray());
        if (matrix.NestedScales is { } nested)
        {
            writer.Add(name + NestedMagnitudes, [nested.Scales.Length], nested.Scales);
            writer.Add(name + NestedLevels, [nested.Map.Length], nested.Map);
        }
        byte[] state = State.Write(matrix, suffix, dtype);
        writer.Add(name + StateSuffix + suffix, ElementType.U8, [state.Length], state);
    }

    private delegate ReadOnlySpan<byte> Part(CodebookMatrix matrix);

    private static void Write(Stream stream, CodebookMatrix matrix, Part part)
    {
        stream.Write(part(matrix));
        GC.KeepAlive(matrix); // its memory is native and must outlive the span
    }

    private static IEnumerable<string> StateKeys(SafetensorsReader file, string name) => new[] { "nf4", "fp4" }.Select(type => name + StateSuffix + type).Where(file.Tensors.ContainsKey);

    private static NativeBytes Bytes(SafetensorsReader file, string label, string name, ElementType? type)
    {
        TensorEntry entry = file.Entry(name);
        if (type is { } wanted && entry.Type != wanted) throw new MokaException($"{label}: {Quoted.Name(name)} must be {wanted.FileName()}, got {entry.Type.FileName()}; the file is damaged.");
        return file.Mapped(entry);
    }

    private static float[] Floats(SafetensorsReader file, string label, string name, int? length = null)
    {
        TensorEntry entry = file.Entry(name);
        if (entry.Type != ElementType.F32 || entry.ElementCount != (length ?? entry.ElementCount) || entry.ElementCount > int.MaxValue)
            throw new MokaException($"{label}: {Quoted.Name(name)} must be F32 {(length is { } n ? $"[{n}]" : "")}, got {entry.Type.FileName()} {Quoted.Dims(entry.Dims.AsSpan())}; the file is damaged.");
        float[] values = new float[entry.ElementCount];
        file.ReadFloats(name, values);
        return values;
    }

    /// <summary>The JSON object that says how the other tensors are to be read.</summary>
    private sealed record State(CodebookType Type, int BlockSize, ImmutableArray<long> Shape, int? NestedBlockSize, float? NestedOffset)
    {
        public static State Parse(string label, SafetensorsReader file, string key)
        {
            TensorEntry entry = file.Entry(key);
            if (entry.ByteLength > LargestState) throw new MokaException($"{label}: {Quoted.Name(key)} must be at most {LargestState} bytes, got {entry.ByteLength}; the file is damaged.");
            try
            {
                using JsonDocument document = JsonDocument.Parse(file.Bytes(key).ToArray());
                JsonElement root = document.RootElement;
                CodebookType type = key.EndsWith("nf4", StringComparison.Ordinal) ? CodebookType.NF4 : CodebookType.FP4;
                if (!root.GetProperty("quant_type").ValueEquals(type.ToString().ToLowerInvariant())) throw new FormatException("quant_type is not that of its name");
                return new State(type, root.GetProperty("blocksize").GetInt32(), [.. root.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64())],
                    root.TryGetProperty("nested_blocksize", out JsonElement block) ? block.GetInt32() : null,
                    root.TryGetProperty("nested_offset", out JsonElement offset) ? offset.GetSingle() : null);
            }
            // What the JSON library throws for damaged text, missing keys, values of another kind, and numbers out of range.
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                throw new MokaException($"{label}: {Quoted.Name(key)} must be JSON with quant_type, blocksize and shape, got: {Quoted.Plain(e.Message)}; the file is damaged.", e);
            }
        }

        public static byte[] Write(CodebookMatrix matrix, string type, string dtype)
        {
            ArrayBufferWriter<byte> json = new();
            using (Utf8JsonWriter writer = new(json))
            {
                writer.WriteStartObject();
                writer.WriteString("quant_type", type);
                writer.WriteNumber("blocksize", matrix.BlockSize);
                writer.WriteString("dtype", dtype);
                writer.WriteStartArray("shape");
                writer.WriteNumberValue(matrix.Rows);
                writer.WriteNumberValue(matrix.Columns);
                writer.WriteEndArray();
                if (matrix.NestedScales is { } nested)
                {
                    writer.WriteNumber("nested_blocksize", nested.BlockSize);
                    writer.WriteString("nested_dtype", "float32");
                    // All digits of the float, and a point or exponent: a whole number would be read as an integer.
                    writer.WritePropertyName("nested_offset");
                    writer.WriteRawValue(((double)nested.Offset).ToString("E16", CultureInfo.InvariantCulture));
                }
                writer.WriteEndObject();
            }
            return json.WrittenSpan.ToArray();
        }
    }
}
