using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Checkpoints;

/// <summary>
/// Collects tensors and writes them as one safetensors file, byte for byte as the format's own writer does: widest
/// type first, then by name, header padded so that the data begins at a multiple of 8. Equal content gives equal
/// bytes; metadata is written in ordinal order of its keys.
/// </summary>
public sealed class SafetensorsWriter
{
    private readonly Dictionary<string, Pending> _tensors = [];

    private sealed record Pending(byte[] Name, ElementType Type, long[] Dims, long ByteLength, Action<Stream> Write);

    /// <summary>Adds a tensor whose bytes are written when the file is.</summary>
    /// <param name="name">Its name; each may be added once.</param>
    /// <param name="type">How its elements are stored.</param>
    /// <param name="dims">Its shape; empty for a scalar.</param>
    /// <param name="write">Writes its row-major little-endian bytes, exactly as many as type and shape need.</param>
    /// <exception cref="ArgumentException">The name is taken, reserved or not text, or the shape has no size in bytes.</exception>
    public void Add(string name, ElementType type, ReadOnlySpan<long> dims, Action<Stream> write)
    {
        if (name == "__metadata__")
        {
            throw new ArgumentException("The name __metadata__ is reserved by the format.", nameof(name));
        }
        long bits = type.Bits();
        foreach (long dim in dims)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(dim, nameof(dims));
            bits = checked(bits * dim);
        }
        if (bits % 8 != 0)
        {
            throw new ArgumentException($"{name}: {type.FileName()} {Quoted.Dims(dims)} must fill whole bytes, got {bits} bits.", nameof(dims));
        }
        byte[] utf8 = new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(name);
        if (!_tensors.TryAdd(name, new Pending(utf8, type, dims.ToArray(), bits / 8, write)))
        {
            throw new ArgumentException($"{name}: a tensor of this name is already added.", nameof(name));
        }
    }

    /// <summary>Adds a tensor of stored bytes, which must not change until the file is written.</summary>
    /// <exception cref="ArgumentException">As above, or the length does not fit type and shape.</exception>
    public void Add(string name, ElementType type, ReadOnlySpan<long> dims, ReadOnlyMemory<byte> content)
    {
        Add(name, type, dims, stream => stream.Write(content.Span));
        RequireLength(name, content.Length);
    }

    /// <summary>Adds an F32 tensor of floats, which must not change until the file is written.</summary>
    /// <exception cref="ArgumentException">As above, or the length does not fit the shape.</exception>
    public void Add(string name, ReadOnlySpan<long> dims, float[] values)
    {
        Add(name, ElementType.F32, dims, stream => stream.WriteFloats(values));
        RequireLength(name, (long)values.Length * sizeof(float));
    }

    /// <summary>
    /// Writes the file whole or not at all. <c>format: pt</c> is added to the metadata when it has no <c>format</c>,
    /// because Hugging Face's loader refuses metadata without it.
    /// </summary>
    /// <exception cref="MokaException">The file cannot be written; an earlier one stays as it was.</exception>
    public void Save(string path, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var all = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>());
        all.TryAdd("format", "pt");
        AtomicFile.Write(path, stream => WriteTo(stream, all));
    }

    /// <summary>Writes the file's bytes, with exactly the given metadata (none when empty), to a seekable stream.</summary>
    /// <exception cref="MokaException">The header is longer than the format allows.</exception>
    /// <exception cref="InvalidOperationException">A tensor wrote more or fewer bytes than its shape needs.</exception>
    public void WriteTo(Stream stream, IReadOnlyDictionary<string, string> metadata)
    {
        Pending[] order = [.. _tensors.Values];
        Array.Sort(order, (a, b) => a.Type != b.Type
            ? b.Type.CompareTo(a.Type)
            : a.Name.AsSpan().SequenceCompareTo(b.Name));
        WriteHeader(stream, order, metadata);
        foreach (Pending tensor in order)
        {
            long start = stream.Position;
            tensor.Write(stream);
            if (stream.Position - start != tensor.ByteLength)
            {
                throw new InvalidOperationException($"{Encoding.UTF8.GetString(tensor.Name)}: {tensor.Type.FileName()} " +
                    $"{Quoted.Dims(tensor.Dims)} must write {tensor.ByteLength} bytes, wrote {stream.Position - start}.");
            }
        }
    }

    private static void WriteHeader(Stream stream, Pending[] order, IReadOnlyDictionary<string, string> metadata)
    {
        var json = new ArrayBufferWriter<byte>();
        // The default encoder escapes letters such as '<' that the format's own writer leaves alone.
        using (var writer = new Utf8JsonWriter(json, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            WriteMetadata(writer, metadata);
            long offset = 0;
            foreach (Pending tensor in order)
            {
                WriteEntry(writer, tensor, offset);
                offset += tensor.ByteLength;
            }
            writer.WriteEndObject();
        }
        int padding = -json.WrittenCount & 7;
        json.GetSpan(padding)[..padding].Fill((byte)' ');
        json.Advance(padding);
        if (json.WrittenCount > SafetensorsHeader.MaxSize)
        {
            throw new MokaException($"safetensors: the header must be at most {SafetensorsHeader.MaxSize} bytes, " +
                $"got {json.WrittenCount}; split the tensors over several files.");
        }
        Span<byte> length = stackalloc byte[SafetensorsHeader.LengthSize];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)json.WrittenCount);
        stream.Write(length);
        stream.Write(json.WrittenSpan);
    }

    private static void WriteMetadata(Utf8JsonWriter writer, IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.Count == 0)
        {
            return;
        }
        writer.WriteStartObject("__metadata__");
        foreach ((string key, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            writer.WriteString(key, value);
        }
        writer.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter writer, Pending tensor, long offset)
    {
        writer.WriteStartObject(tensor.Name);
        writer.WriteString("dtype", tensor.Type.FileName());
        writer.WriteStartArray("shape");
        foreach (long dim in tensor.Dims)
        {
            writer.WriteNumberValue(dim);
        }
        writer.WriteEndArray();
        writer.WriteStartArray("data_offsets");
        writer.WriteNumberValue(offset);
        writer.WriteNumberValue(offset + tensor.ByteLength);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private void RequireLength(string name, long byteLength)
    {
        Pending tensor = _tensors[name];
        if (tensor.ByteLength != byteLength)
        {
            _tensors.Remove(name);
            throw new ArgumentException($"{name}: {tensor.Type.FileName()} {Quoted.Dims(tensor.Dims)} must have " +
                $"{tensor.ByteLength} bytes, got {byteLength}.");
        }
    }
}

/// <summary>Writes numbers to a stream as safetensors stores them.</summary>
public static class StreamFloats
{
    /// <summary>Writes the floats' little-endian bytes; meant for <see cref="SafetensorsWriter"/> callbacks.</summary>
    public static void WriteFloats(this Stream stream, ReadOnlySpan<float> values)
    {
        const int Piece = 1 << 20;
        for (int start = 0; start < values.Length; start += Piece)
        {
            stream.Write(MemoryMarshal.AsBytes(values.Slice(start, Math.Min(Piece, values.Length - start))));
        }
    }
}
