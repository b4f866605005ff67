using System.Buffers.Binary;
using MoKA.Native.Diagnostics;
using MoKA.Native.Memory;

namespace MoKA.Native.Checkpoints;

/// <summary>
/// A safetensors file opened for reading: its header is read and checked at once, its data stays on the disk and is
/// mapped into memory.
/// </summary>
public sealed class SafetensorsFile : SafetensorsReader
{
    private readonly MappedBuffer _buffer;
    private readonly SafetensorsHeader _header;

    /// <summary>Opens the file and checks its header.</summary>
    /// <exception cref="MokaException">The file cannot be read or breaks a rule of the format.</exception>
    public SafetensorsFile(string path) : base(path)
    {
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

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, TensorEntry> Tensors => _header.Tensors;

    /// <summary>The text pairs of <c>__metadata__</c>; empty when the file has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files => [Path];

    /// <inheritdoc/>
    public override string PathOf(string name) => Path;

    /// <inheritdoc/>
    public override void Dispose() => _buffer.Dispose();

    internal override MappedBuffer BufferOf(TensorEntry entry) => _buffer;

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
}
