using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Unicode;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Checkpoints;

/// <summary>
/// Reads and checks the header of a safetensors file: <c>u64 N | N bytes of JSON | data</c>.
/// The rules, and their order, are those of the format's own reader, and repeated keys are refused as its text demands.
/// The header is as hostile as any download: memory stays proportional to the bytes present in the file.
/// </summary>
internal sealed class SafetensorsHeader
{
    /// <summary>Bytes of the length N before the JSON.</summary>
    public const int LengthSize = 8;

    /// <summary>The longest header the format allows, in bytes.</summary>
    public const int MaxSize = 100_000_000;

    private const string Damaged = "the file is damaged or not a safetensors file, fetch it again";

    private readonly string _path;
    private readonly Dictionary<string, string> _metadata = [];
    private readonly List<Declared> _declared = [];

    private SafetensorsHeader(string path) => _path = Quoted.Plain(path);

    private sealed record Declared(string Name, ElementType Type, ImmutableArray<long> Dims, long Begin, long End);

    /// <summary>The free text pairs of <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>The tensors by name, in the order of their data.</summary>
    public OrderedDictionary<string, TensorEntry> Tensors { get; } = [];

    /// <summary>The length N of the JSON, checked against the length of the file.</summary>
    public static int CheckLength(string path, ulong length, long fileLength)
    {
        if (length > MaxSize)
        {
            throw new MokaException($"{Quoted.Plain(path)}: the safetensors header must be at most {MaxSize} bytes, " +
                $"got a length of {length}; {Damaged}.");
        }
        if (LengthSize + (long)length > fileLength)
        {
            throw new MokaException($"{Quoted.Plain(path)}: the safetensors header of {length} bytes must end inside " +
                $"the file, got a file of {fileLength} bytes; it is cut short, fetch it again.");
        }
        return (int)length;
    }

    /// <summary>Reads the JSON and checks every tensor against the length of the file.</summary>
    public static SafetensorsHeader Parse(string path, ReadOnlySpan<byte> json, long fileLength)
    {
        var header = new SafetensorsHeader(path);
        header.Deserialize(json);
        header.Validate(dataStart: LengthSize + json.Length, fileLength);
        return header;
    }

    private void Deserialize(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
        {
            throw Error("the header must be UTF-8 text, got other bytes");
        }
        try
        {
            using JsonDocument document = JsonDocument.Parse(json.ToArray(),
                new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 8 });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw Error($"the header must be a JSON object, got {Kind(document.RootElement)}");
            }
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (property.NameEquals("__metadata__"))
                {
                    ReadMetadata(property.Value);
                }
                else
                {
                    _declared.Add(ReadTensor(property.Name, property.Value));
                }
            }
        }
        // The second is how the library reports an escaped half of a surrogate pair.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Error($"the header must be JSON without repeated keys, got: {Quoted.Plain(e.Message)}", e);
        }
    }

    private void ReadMetadata(JsonElement value)
    {
        // The format's own reader takes null for none, and files have it.
        if (value.ValueKind == JsonValueKind.Null)
        {
            return;
        }
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw Error($"__metadata__ must be an object of strings, got {Kind(value)}");
        }
        foreach (JsonProperty pair in value.EnumerateObject())
        {
            if (pair.Value.ValueKind != JsonValueKind.String)
            {
                throw Error($"__metadata__ must map to strings only, got {Kind(pair.Value)} for {Quoted.Name(pair.Name)}");
            }
            _metadata.Add(pair.Name, pair.Value.GetString()!);
        }
    }

    private Declared ReadTensor(string name, JsonElement value)
    {
        string tensor = $"tensor {Quoted.Name(name)}";
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw Error($"{tensor} must be an object with dtype, shape and data_offsets, got {Kind(value)}");
        }
        if (!value.TryGetProperty("dtype", out JsonElement dtype) || dtype.ValueKind != JsonValueKind.String)
        {
            throw Error($"{tensor} must have a dtype that is a string, got {Kind(dtype)}");
        }
        if (!ElementTypes.TryParse(dtype.GetString()!, out ElementType type))
        {
            throw Error($"{tensor} must have a dtype of the format such as F32, F16 or BF16, got {Quoted.Name(dtype.GetString()!)}");
        }
        ImmutableArray<long> dims = ReadIntegers(value, "shape", tensor);
        ImmutableArray<long> offsets = ReadIntegers(value, "data_offsets", tensor);
        if (offsets.Length != 2)
        {
            throw Error($"{tensor} must have two data_offsets, begin and end, got {offsets.Length}");
        }
        return new Declared(name, type, dims, offsets[0], offsets[1]);
    }

    private ImmutableArray<long> ReadIntegers(JsonElement value, string key, string tensor)
    {
        if (!value.TryGetProperty(key, out JsonElement array) || array.ValueKind != JsonValueKind.Array)
        {
            throw Error($"{tensor} must have {key} as an array of integers, got {Kind(array)}");
        }
        var integers = ImmutableArray.CreateBuilder<long>(array.GetArrayLength());
        foreach (JsonElement element in array.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Number || !element.TryGetInt64(out long integer) || integer < 0)
            {
                throw Error($"{tensor} must have integers from 0 to 2^63-1 in {key}, got {Quoted.Plain(element.GetRawText())}");
            }
            integers.Add(integer);
        }
        return integers.MoveToImmutable();
    }

    private void Validate(long dataStart, long fileLength)
    {
        _declared.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
        long position = 0;
        foreach (Declared tensor in _declared)
        {
            string name = $"tensor {Quoted.Name(tensor.Name)}";
            if (tensor.Begin != position || tensor.End < tensor.Begin)
            {
                throw Error($"{name} must begin where the one before it ends, at {position}, and not end before it begins, " +
                    $"got data_offsets {Quoted.Dims([tensor.Begin, tensor.End])}");
            }
            long length = ByteLength(name, tensor);
            if (tensor.End - tensor.Begin != length)
            {
                throw Error($"{name} of type {tensor.Type.FileName()} and shape {Quoted.Dims(tensor.Dims.AsSpan())} must have " +
                    $"{length} bytes, got data_offsets {Quoted.Dims([tensor.Begin, tensor.End])}");
            }
            position = tensor.End;
            Tensors.Add(tensor.Name, new TensorEntry(tensor.Name, tensor.Type, tensor.Dims, dataStart + tensor.Begin, length));
        }
        if (position != fileLength - dataStart)
        {
            throw Error($"the tensors must fill the file, {position} bytes after the header, got {fileLength - dataStart} bytes");
        }
    }

    private long ByteLength(string name, Declared tensor)
    {
        long bits;
        try
        {
            // Multiplied in the order of the shape: a zero does not excuse an overflow before it.
            long elements = tensor.Dims.Aggregate(1L, (product, dim) => checked(product * dim));
            bits = checked(elements * tensor.Type.Bits());
        }
        catch (OverflowException e)
        {
            throw Error($"{name} must have a size that fits 63 bits, got shape {Quoted.Dims(tensor.Dims.AsSpan())}", e);
        }
        if (bits % 8 != 0)
        {
            throw Error($"{name} of type {tensor.Type.FileName()} must fill whole bytes, got shape " +
                $"{Quoted.Dims(tensor.Dims.AsSpan())}, which has {bits} bits");
        }
        return bits / 8;
    }

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Undefined => "nothing",
        JsonValueKind.Null => "null",
        JsonValueKind.True or JsonValueKind.False => "a boolean",
        JsonValueKind.Number => "a number",
        JsonValueKind.String => "a string",
        JsonValueKind.Array => "an array",
        _ => "an object",
    };

    private MokaException Error(string what, Exception? inner = null) => new($"{_path}: {what}; {Damaged}.", inner!);
}
