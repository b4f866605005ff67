using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MoKA.Native.Diagnostics;
using MoKA.Native.Memory;
using MoKA.Native.Quantization;

namespace MoKA.Native.Checkpoints;

/// <summary>
/// A safetensors file opened for reading: its header is read and checked at once, its data stays on the disk and is
/// mapped into memory. Numbers are little-endian.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    // Elements converted at a time: the bytes of a large tensor may not fit one span.
    private const int Piece = 1 << 20;

    private readonly MappedBuffer _buffer;
    private readonly SafetensorsHeader _header;

    /// <summary>Opens the file and checks its header.</summary>
    /// <exception cref="MokaException">The file cannot be read or breaks a rule of the format.</exception>
    public SafetensorsFile(string path)
    {
        Path = path;
        _buffer = new MappedBuffer(path);
        try
        {
            _header = ReadHeader();
        }
        catch
        {
            _buffer.Dispose();
            throw;
        }
    }

    /// <summary>The path the file was opened by.</summary>
    public string Path { get; }

    /// <summary>The tensors by name, in the order of their data.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _header.Tensors;

    /// <summary>The text pairs of <c>__metadata__</c>; empty when the file has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>The entry of one tensor.</summary>
    /// <exception cref="MokaException">The file has no tensor of that name.</exception>
    public TensorEntry Entry(string name) => _header.Tensors.TryGetValue(name, out TensorEntry? entry)
        ? entry
        : throw new MokaException($"{Quoted.Plain(Path)}: must have a tensor {Quoted.Name(name)}, got {Tensors.Count} others; " +
            "check that the file belongs to this model.");

    /// <summary>The bytes of one tensor, valid until <see cref="Dispose"/>.</summary>
    /// <exception cref="MokaException">There is no such tensor, or it is longer than one span can be.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        TensorEntry entry = Entry(name);
        return entry.ByteLength <= int.MaxValue
            ? _buffer.Span(entry.Offset, (int)entry.ByteLength)
            : throw new MokaException($"{Quoted.Plain(Path)}: tensor {Quoted.Name(name)} must have at most {int.MaxValue} bytes " +
                $"to be read as one span, got {entry.ByteLength}; read it in pieces.");
    }

    /// <summary>A range of the bytes of one tensor, valid until <see cref="Dispose"/>.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="start">First byte, counted from the start of the tensor.</param>
    /// <param name="length">Number of bytes.</param>
    /// <exception cref="MokaException">There is no such tensor.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the tensor.</exception>
    public ReadOnlySpan<byte> Bytes(string name, long start, int length)
    {
        TensorEntry entry = Entry(name);
        RequireRange(start, length, entry.ByteLength);
        return _buffer.Span(entry.Offset + start, length);
    }

    /// <summary>Converts a whole tensor to floats.</summary>
    /// <param name="name">A tensor of type F32, F16, BF16 or F64.</param>
    /// <param name="destination">As many floats as the tensor has elements, row-major.</param>
    /// <exception cref="MokaException">There is no such tensor, it is of another type, or of another length.</exception>
    public void ReadFloats(string name, Span<float> destination)
    {
        TensorEntry entry = Entry(name);
        if (entry.ElementCount != destination.Length)
        {
            throw new MokaException($"{Quoted.Plain(Path)}: tensor {Quoted.Name(name)} must have {destination.Length} elements, got " +
                $"shape {Quoted.Dims(entry.Dims.AsSpan())}; check that the file belongs to this model.");
        }
        ReadFloats(name, 0, destination);
    }

    /// <summary>Converts a range of a tensor to floats.</summary>
    /// <param name="name">A tensor of type F32, F16, BF16 or F64.</param>
    /// <param name="start">First element, counted row-major from the start of the tensor.</param>
    /// <param name="destination">As many floats as to read.</param>
    /// <exception cref="MokaException">There is no such tensor, or it is of another type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the tensor.</exception>
    public void ReadFloats(string name, long start, Span<float> destination)
    {
        TensorEntry entry = Entry(name);
        RequireFloat(entry);
        RequireRange(start, destination.Length, entry.ElementCount);
        int size = entry.Type.Bits() / 8;
        for (int done = 0; done < destination.Length; done += Piece)
        {
            Span<float> piece = destination.Slice(done, Math.Min(Piece, destination.Length - done));
            Convert(entry.Type, _buffer.Span(entry.Offset + (start + done) * size, piece.Length * size), piece);
        }
    }

    /// <summary>
    /// The bytes of one tensor where they lie in the file, or copied where they are not aligned as asked; they stay readable for
    /// as long as the result is held, unless the file is disposed.
    /// </summary>
    internal NativeBytes Mapped(TensorEntry entry, int alignment = 1) => NativeBytes.Aligned(_buffer, entry.Offset, entry.ByteLength, alignment);

    /// <summary>Closes the file; spans handed out earlier must no longer be used.</summary>
    public void Dispose() => _buffer.Dispose();

    private SafetensorsHeader ReadHeader()
    {
        if (_buffer.Length < SafetensorsHeader.LengthSize)
        {
            throw new MokaException($"{Quoted.Plain(Path)}: a safetensors file must have at least " +
                $"{SafetensorsHeader.LengthSize} bytes, got {_buffer.Length}; it is cut short or empty, fetch it again.");
        }
        ulong declared = BinaryPrimitives.ReadUInt64LittleEndian(_buffer.Span(0, SafetensorsHeader.LengthSize));
        int length = SafetensorsHeader.CheckLength(Path, declared, _buffer.Length);
        return SafetensorsHeader.Parse(Path, _buffer.Span(SafetensorsHeader.LengthSize, length), _buffer.Length);
    }

    private void RequireFloat(TensorEntry entry)
    {
        if (entry.Type is not (ElementType.F32 or ElementType.F16 or ElementType.BF16 or ElementType.F64))
        {
            throw new MokaException($"{Quoted.Plain(Path)}: tensor {Quoted.Name(entry.Name)} must be of type F32, F16, BF16 or F64 " +
                $"to be read as floats, got {entry.Type.FileName()}; convert the model first.");
        }
    }

    private static void RequireRange(long start, int length, long available)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, available - length);
    }

    private static void Convert(ElementType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        switch (type)
        {
            case ElementType.F32:
                source.CopyTo(MemoryMarshal.AsBytes(destination));
                break;
            case ElementType.F16:
                BlockType.F16.Format().Dequantize(source, 0, destination);
                break;
            case ElementType.BF16:
                BlockType.BF16.Format().Dequantize(source, 0, destination);
                break;
            default:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, double>(source), destination);
                break;
        }
    }
}
