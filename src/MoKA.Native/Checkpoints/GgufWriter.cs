using System.Text;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Checkpoints;

/// <summary>
/// Collects named values and tensors and writes them as one GGUF file of version 3, byte for byte as ggml does: pairs and
/// tensors in the order in which they were added, the data and each tensor at a multiple of the alignment, the last one
/// padded too. Equal content gives equal bytes. See <see cref="GgufFile"/> for the layout.
/// </summary>
public sealed class GgufWriter
{
    private const uint Magic = 0x46554747, Version = 3; // "GGUF"
    private const int Alignment = 32, MostBytesOfName = 63, MostDims = 4;

    private readonly MemoryStream _pairs = new();
    private readonly HashSet<string> _keys = [];
    private readonly OrderedDictionary<string, Pending> _tensors = [];

    private sealed record Pending(GgmlType Type, long[] Dims, long Bytes, Action<Stream> Write);

    /// <summary>Adds a whole number.</summary>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public void Add(string key, uint value) => Pair(key, GgufValueType.UInt32).Write(value);

    /// <summary>Adds a number.</summary>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public void Add(string key, float value) => Pair(key, GgufValueType.Float32).Write(value);

    /// <summary>Adds a truth value.</summary>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public void Add(string key, bool value) => Pair(key, GgufValueType.Bool).Write(value);

    /// <summary>Adds a text.</summary>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public void Add(string key, string value) => WriteText(Pair(key, GgufValueType.String), value);

    /// <summary>Adds an array of texts.</summary>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public void Add(string key, IReadOnlyList<string> values)
    {
        BinaryWriter pair = Array(key, GgufValueType.String, values.Count);
        foreach (string value in values) WriteText(pair, value);
    }

    /// <summary>Adds an array of numbers.</summary>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public void Add(string key, IReadOnlyList<float> values)
    {
        BinaryWriter pair = Array(key, GgufValueType.Float32, values.Count);
        foreach (float value in values) pair.Write(value);
    }

    /// <summary>Adds an array of whole numbers.</summary>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public void Add(string key, IReadOnlyList<int> values)
    {
        BinaryWriter pair = Array(key, GgufValueType.Int32, values.Count);
        foreach (int value in values) pair.Write(value);
    }

    /// <summary>Adds a tensor whose bytes are written when the file is.</summary>
    /// <param name="name">Its name, at most 63 bytes; each may be added once.</param>
    /// <param name="type">How its elements are stored.</param>
    /// <param name="shape">Its shape as this library lists it: the length of a row last, whole blocks of the type.</param>
    /// <param name="write">Writes its rows one behind another, exactly as many bytes as type and shape need.</param>
    /// <exception cref="ArgumentException">The name is taken or too long, or the shape is none of the type's.</exception>
    public void Add(string name, GgmlType type, ReadOnlySpan<long> shape, Action<Stream> write)
    {
        if (Encoding.UTF8.GetByteCount(name) > MostBytesOfName) throw new ArgumentException($"{name}: a tensor's name must have at most {MostBytesOfName} bytes.", nameof(name));
        (int elements, int bytes) = type.Block() ?? throw new ArgumentException($"{name}: {type} is none of ggml's types.", nameof(type));
        if (shape.Length > MostDims || (shape.Length == 0 ? 1 : shape[^1]) % elements != 0) throw new ArgumentException($"{name}: must have at most {MostDims} dimensions and rows of whole blocks of {elements}, got {Quoted.Dims(shape)}.", nameof(shape));
        long count = 1;
        foreach (long dim in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(dim, nameof(shape));
            count = checked(count * dim);
        }
        long[] dims = shape.ToArray();
        System.Array.Reverse(dims);
        if (!_tensors.TryAdd(name, new Pending(type, dims, checked(count / elements * bytes), write))) throw new ArgumentException($"{name}: a tensor of this name is already added.", nameof(name));
    }

    /// <summary>Writes the file whole or not at all.</summary>
    /// <exception cref="MokaException">The file cannot be written; an earlier one stays as it was.</exception>
    /// <exception cref="InvalidOperationException">A tensor wrote more or fewer bytes than its shape needs.</exception>
    public void Save(string path) => AtomicFile.Write(path, WriteTo);

    /// <summary>Writes the file's bytes to a seekable stream.</summary>
    /// <exception cref="InvalidOperationException">A tensor wrote more or fewer bytes than its shape needs.</exception>
    public void WriteTo(Stream stream)
    {
        long begin = stream.Position;
        using BinaryWriter header = new(stream, Encoding.UTF8, leaveOpen: true);
        header.Write(Magic);
        header.Write(Version);
        header.Write((ulong)_tensors.Count);
        header.Write((ulong)_keys.Count);
        header.Write(_pairs.GetBuffer().AsSpan(0, (int)_pairs.Length));
        long offset = 0;
        foreach ((string name, Pending tensor) in _tensors)
        {
            WriteText(header, name);
            header.Write((uint)tensor.Dims.Length);
            foreach (long dim in tensor.Dims) header.Write((ulong)dim);
            header.Write((uint)tensor.Type);
            header.Write((ulong)offset);
            offset += Padded(tensor.Bytes);
        }
        header.Flush();
        Pad(stream, stream.Position - begin);
        foreach ((string name, Pending tensor) in _tensors)
        {
            long start = stream.Position;
            tensor.Write(stream);
            if (stream.Position - start != tensor.Bytes) throw new InvalidOperationException($"{name}: {tensor.Type} {Quoted.Dims(tensor.Dims)} must write {tensor.Bytes} bytes, wrote {stream.Position - start}.");
            Pad(stream, tensor.Bytes);
        }
    }

    private BinaryWriter Pair(string key, GgufValueType type)
    {
        if (!_keys.Add(key)) throw new ArgumentException($"{key}: a value of this name is already added.", nameof(key));
        BinaryWriter pair = new(_pairs, Encoding.UTF8, leaveOpen: true);
        WriteText(pair, key);
        pair.Write((uint)type);
        return pair;
    }

    private BinaryWriter Array(string key, GgufValueType type, int count)
    {
        BinaryWriter pair = Pair(key, GgufValueType.Array);
        pair.Write((uint)type);
        pair.Write((ulong)count);
        return pair;
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)utf8.Length);
        writer.Write(utf8);
    }

    private static void Pad(Stream stream, long length) => stream.Write(stackalloc byte[(int)(Padded(length) - length)]);

    private static long Padded(long bytes) => bytes + Alignment - 1 & -(long)Alignment;
}
