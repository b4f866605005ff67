using System.Collections.Immutable;
using MoKA.Native.Diagnostics;
using MoKA.Native.Memory;
using MoKA.Native.Quantization;

namespace MoKA.Native.Checkpoints;

/// <summary>
/// A GGUF file of version 2 or 3 opened for reading: what it lists is read and checked at once, its data stays on the disk and is
/// mapped into memory. Numbers are little-endian.
/// <code>"GGUF" | u32 version | u64 tensors | u64 pairs | pairs | tensors: name, u32 dims, u64 each, u32 type, u64 offset | padding | data</code>
/// The header is as hostile as any download: memory stays proportional to the bytes present in the file.
/// </summary>
public sealed class GgufFile : IDisposable
{
    private const uint Magic = 0x46554747; // "GGUF"
    private const int MostDims = 4, MostBytesOfName = 63, UsualAlignment = 32, LeastBytesOfPair = 13, LeastBytesOfTensor = 24;
    private const string AlignmentKey = "general.alignment";

    private readonly MappedBuffer _buffer;
    private readonly OrderedDictionary<string, GgufTensor> _tensors = [];

    /// <summary>Opens the file and checks all that it lists.</summary>
    /// <exception cref="MokaException">The file cannot be read, breaks a rule of the format, or is of another version.</exception>
    public GgufFile(string path)
    {
        Path = path;
        _buffer = new MappedBuffer(path);
        Metadata = new GgufMetadata(path, _buffer);
        try
        {
            GgufReader reader = new(path, _buffer);
            Version = ReadVersion(reader);
            long tensors = reader.Count("the number of tensors", LeastBytesOfTensor), pairs = reader.Count("the number of metadata pairs", LeastBytesOfPair);
            for (long i = 0; i < pairs; i++) Metadata.Add(reader);
            Alignment = ReadAlignment(reader);
            ReadTensors(reader, tensors);
        }
        catch
        {
            _buffer.Dispose();
            throw;
        }
    }

    /// <summary>The path the file was opened by.</summary>
    public string Path { get; }

    /// <summary>The format's version, 2 or 3; they differ in what a big-endian file is, which is not read.</summary>
    public int Version { get; }

    /// <summary>The multiple of bytes at which each tensor begins, <c>general.alignment</c>.</summary>
    public int Alignment { get; }

    /// <summary>The named values.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>The tensors by name, in the order of their data.</summary>
    public IReadOnlyDictionary<string, GgufTensor> Tensors => _tensors;

    /// <summary>The entry of one tensor.</summary>
    /// <exception cref="MokaException">The file has no tensor of that name.</exception>
    public GgufTensor Tensor(string name) => _tensors.TryGetValue(name, out GgufTensor? tensor)
        ? tensor
        : throw new MokaException($"{Quoted.Plain(Path)}: must have a tensor {Quoted.Name(name)}, got {_tensors.Count} others; check that the file is the model you meant.");

    /// <summary>The bytes of one tensor, valid until <see cref="Dispose"/>.</summary>
    /// <exception cref="MokaException">There is no such tensor, or it is longer than one span can be.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        GgufTensor tensor = Tensor(name);
        return tensor.ByteLength <= int.MaxValue
            ? _buffer.Span(tensor.Offset, (int)tensor.ByteLength)
            : throw new MokaException($"{Label(tensor)} must have at most {int.MaxValue} bytes to be read as one span, got {tensor.ByteLength}; read it as a matrix.");
    }

    /// <summary>
    /// The matrix [rows, columns] of a tensor in whatever type it has. It stays in the mapped file, which must not be disposed while
    /// the matrix is used.
    /// </summary>
    /// <exception cref="MokaException">There is no such tensor, its shape is another, or its type is not read.</exception>
    public FrozenMatrix ReadMatrix(string name, int rows, int columns)
    {
        GgufTensor tensor = Tensor(name);
        RequireShape(tensor, columns, rows);
        if (tensor.Type == GgmlType.F32) return new FloatMatrix(Label(tensor), rows, columns, NativeBytes.Aligned(_buffer, tensor.Offset, tensor.ByteLength, sizeof(float)));
        return new BlockMatrix(Label(tensor), RequireBlocks(tensor), rows, columns, new NativeBytes(_buffer, tensor.Offset, tensor.ByteLength));
    }

    /// <summary>The same with its rows in another order, in memory of its own: <paramref name="place"/> says where a row of the file comes to lie, each at a place of its own.</summary>
    /// <exception cref="MokaException">There is no such tensor, its shape is another, or its type is not read.</exception>
    public FrozenMatrix ReadMatrix(string name, int rows, int columns, Func<int, int> place)
    {
        GgufTensor tensor = Tensor(name);
        RequireShape(tensor, columns, rows);
        BlockType? blocks = tensor.Type == GgmlType.F32 ? null : RequireBlocks(tensor);
        NativeBytes bytes = NativeBytes.Reordered(Label(tensor), _buffer, tensor.Offset, rows, tensor.ByteLength / rows, place);
        return blocks is { } type ? new BlockMatrix(Label(tensor), type, rows, columns, bytes) : new FloatMatrix(Label(tensor), rows, columns, bytes);
    }

    /// <summary>A vector of floats from a tensor of a floating-point type, none of them infinite or not a number.</summary>
    /// <exception cref="MokaException">There is no such tensor, its length or type is another, or a number is not finite.</exception>
    public void ReadVector(string name, Span<float> destination)
    {
        GgufTensor tensor = Tensor(name);
        RequireShape(tensor, destination.Length);
        if (tensor.Type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16)) throw new MokaException($"{Label(tensor)} must be F32, F16 or BF16, got {tensor.Type}; convert the model again.");
        using FrozenMatrix matrix = tensor.Type == GgmlType.F32
            ? new FloatMatrix(Label(tensor), 1, destination.Length, NativeBytes.Aligned(_buffer, tensor.Offset, tensor.ByteLength, sizeof(float)))
            : new BlockMatrix(Label(tensor), RequireBlocks(tensor), 1, destination.Length, new NativeBytes(_buffer, tensor.Offset, tensor.ByteLength));
        matrix.Dequantize(destination);
    }

    /// <summary>Closes the file; spans handed out earlier must no longer be used.</summary>
    public void Dispose() => _buffer.Dispose();

    private static int ReadVersion(GgufReader reader)
    {
        if (reader.UInt32("the magic number GGUF") != Magic) throw reader.Error("must begin with the magic number GGUF, got other bytes", "it is no GGUF file, or damaged");
        uint version = reader.UInt32("the version");
        return version switch
        {
            2 or 3 => (int)version,
            1 => throw reader.Error("must be GGUF of version 2 or 3, got version 1, whose counts have 32 bits", "convert the model again"),
            _ when (version & 0xFFFF) == 0 && version != 0 => throw reader.Error("must be a little-endian GGUF file, got a big-endian one", "convert the model for this machine"),
            _ => throw reader.Error($"must be GGUF of version 2 or 3, got version {version}", "convert the model again, or use a newer version of this library"),
        };
    }

    private int ReadAlignment(GgufReader reader)
    {
        if (Metadata.TypeOf(AlignmentKey) is not { } type) return UsualAlignment;
        if (type != GgufValueType.UInt32) throw reader.Error($"'{AlignmentKey}' must be of type {GgufValueType.UInt32}, got {type}");
        long alignment = Metadata.Integer(AlignmentKey)!.Value;
        return alignment is >= 8 and <= 1 << 30 && long.IsPow2(alignment) ? (int)alignment : throw reader.Error($"'{AlignmentKey}' must be a power of two from 8 to {1 << 30}, got {alignment}");
    }

    private void ReadTensors(GgufReader reader, long count)
    {
        List<(string Name, GgmlType Type, ImmutableArray<long> Dims, ulong Offset, long Bytes)> declared = [];
        for (long i = 0; i < count; i++) declared.Add(ReadTensor(reader));
        long start = Padded(reader.Position), position = 0;
        foreach ((string name, GgmlType type, ImmutableArray<long> dims, ulong offset, long bytes) in declared)
        {
            if (offset != (ulong)position) throw reader.Error($"tensor {Quoted.Name(name)} must begin where the one before it ends, padded to {Alignment} bytes, at {position}, got {offset}");
            long left = _buffer.Length - start - position;
            if (bytes > left) throw reader.Error($"tensor {Quoted.Name(name)} must end inside the file, got {bytes} bytes of which {Math.Max(left, 0)} are there");
            if (!_tensors.TryAdd(name, new GgufTensor(name, type, dims, start + position, bytes))) throw reader.Error($"tensors must have different names, got {Quoted.Name(name)} twice");
            position += Padded(bytes);
        }
    }

    private static (string, GgmlType, ImmutableArray<long>, ulong, long) ReadTensor(GgufReader reader)
    {
        ReadOnlySpan<byte> utf8 = reader.At(reader.Position).Utf8Bytes("a tensor's name");
        string name = reader.Text("a tensor's name"), tensor = $"tensor {Quoted.Name(name)}";
        if (utf8.Length > MostBytesOfName) throw reader.Error($"{tensor} must have a name of at most {MostBytesOfName} bytes, got {utf8.Length}");
        uint rank = reader.UInt32(tensor);
        if (rank > MostDims) throw reader.Error($"{tensor} must have at most {MostDims} dimensions, got {rank}");
        var dims = ImmutableArray.CreateBuilder<long>((int)rank);
        UInt128 elements = 1;
        for (int i = 0; i < rank; i++)
        {
            ulong dim = reader.UInt64(tensor);
            elements *= dim;
            if (dim > long.MaxValue || elements > long.MaxValue) throw reader.Error($"{tensor} must have fewer than 2^63 elements, got more");
            dims.Add((long)dim);
        }
        GgmlType type = (GgmlType)reader.UInt32(tensor);
        if (type.Block() is not { } block) throw reader.Error($"{tensor} must be of a type that ggml has, got number {(uint)type}", "convert the model again, or use a newer version of this library");
        long row = rank == 0 ? 1 : dims[0];
        if (row % block.Elements != 0) throw reader.Error($"{tensor} must have rows of whole blocks of {block.Elements} for {type}, got rows of {row}");
        UInt128 bytes = elements / (uint)block.Elements * (uint)block.Bytes;
        if (bytes > long.MaxValue) throw reader.Error($"{tensor} must have fewer than 2^63 bytes, got more");
        return (name, type, dims.MoveToImmutable(), reader.UInt64(tensor), (long)bytes);
    }

    private long Padded(long bytes) => bytes + Alignment - 1 & -(long)Alignment;

    private void RequireShape(GgufTensor tensor, params ReadOnlySpan<long> dims)
    {
        if (!tensor.Dims.AsSpan().SequenceEqual(dims)) throw new MokaException($"{Label(tensor)} must be {Quoted.Dims(dims)} by the metadata, the length of a row first, got {Quoted.Dims(tensor.Dims.AsSpan())}; the file is damaged or of another kind.");
    }

    private BlockType RequireBlocks(GgufTensor tensor) => tensor.Type.AsBlocks()
        ?? throw new MokaException($"{Label(tensor)} must be of a type this library reads, F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K or IQ4_NL, got {tensor.Type}; quantise the model to one of these.");

    private string Label(GgufTensor tensor) => $"{Quoted.Plain(Path)}: {Quoted.Name(tensor.Name)}";
}
