using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MoKA.Native.Diagnostics;
using MoKA.Native.Memory;
using MoKA.Native.Quantization;

namespace MoKA.Native.Checkpoints;

/// <summary>
/// Named tensors that stay on the disk and are mapped into memory: one safetensors file, or several that an index joins.
/// Numbers are little-endian.
/// </summary>
public abstract class SafetensorsReader : IDisposable
{
    // Elements converted at a time: the bytes of a large tensor may not fit one span.
    private const int Piece = 1 << 20;

    private protected SafetensorsReader(string path) => Path = path;

    /// <summary>The file that was opened: the tensors' own, or the index.</summary>
    public string Path { get; }

    /// <summary>The tensors by name, those of one file in the order of their data.</summary>
    public abstract IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>The files that hold the tensors, in the order of their names.</summary>
    public abstract IReadOnlyList<string> Files { get; }

    /// <summary>The file that holds a tensor.</summary>
    public abstract string PathOf(string name);

    /// <summary>The entry of one tensor.</summary>
    /// <exception cref="MokaException">The file has no tensor of that name.</exception>
    public TensorEntry Entry(string name) => Tensors.TryGetValue(name, out TensorEntry? entry)
        ? entry
        : throw new MokaException($"{Quoted.Plain(Path)}: must have a tensor {Quoted.Name(name)}, got {Tensors.Count} others; " +
            "check that the file belongs to this model.");

    /// <summary>The bytes of one tensor, valid until <see cref="Dispose"/>.</summary>
    /// <exception cref="MokaException">There is no such tensor, or it is longer than one span can be.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        TensorEntry entry = Entry(name);
        return entry.ByteLength <= int.MaxValue
            ? BufferOf(entry).Span(entry.Offset, (int)entry.ByteLength)
            : throw new MokaException($"{Quoted.Plain(PathOf(name))}: tensor {Quoted.Name(name)} must have at most {int.MaxValue} bytes " +
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
        return BufferOf(entry).Span(entry.Offset + start, length);
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
            throw new MokaException($"{Quoted.Plain(PathOf(name))}: tensor {Quoted.Name(name)} must have {destination.Length} elements, got " +
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
            Convert(entry.Type, BufferOf(entry).Span(entry.Offset + (start + done) * size, piece.Length * size), piece);
        }
    }

    /// <summary>The bytes of one tensor where they lie in the file; they stay readable for as long as the result is held, unless the file is disposed.</summary>
    /// <summary>
    /// The bytes of one tensor where they lie in the file, or copied where they are not aligned as asked; they stay readable for
    /// as long as the result is held, unless the file is disposed.
    /// </summary>
    internal NativeBytes Mapped(TensorEntry entry, int alignment = 1) => NativeBytes.Aligned(BufferOf(entry), entry.Offset, entry.ByteLength, alignment);

    /// <summary>Closes the files; spans handed out earlier must no longer be used.</summary>
    public abstract void Dispose();

    /// <summary>The mapped file that a tensor lies in.</summary>
    internal abstract MappedBuffer BufferOf(TensorEntry entry);

    private void RequireFloat(TensorEntry entry)
    {
        if (entry.Type is not (ElementType.F32 or ElementType.F16 or ElementType.BF16 or ElementType.F64))
        {
            throw new MokaException($"{Quoted.Plain(PathOf(entry.Name))}: tensor {Quoted.Name(entry.Name)} must be of type F32, F16, BF16 or F64 " +
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
