using System.Text;
using MoKA.Native.Checkpoints;

namespace MoKA.Native.Tests.Checkpoints;

/// <summary>Writes GGUF files, right ones and, where a test asks for it, wrong ones.</summary>
internal sealed class GgufBytes
{
    private readonly List<(string Key, byte[] Bytes)> _pairs = [];
    private readonly List<(string Name, GgmlType Type, ulong[] Dims, byte[] Data)> _tensors = [];

    public uint Version { get; set; } = 3;

    public string Magic { get; set; } = "GGUF";

    public int Alignment { get; private set; } = 32;

    /// <summary>The numbers of tensors and of pairs that are written in place of the true ones.</summary>
    public (ulong? Tensors, ulong? Pairs) Counts { get; set; }

    /// <summary>What is added to the offset of the last tensor.</summary>
    public ulong ExtraOffset { get; set; }

    /// <summary>A pair of any type, its value as bytes.</summary>
    public GgufBytes Raw(string key, GgufValueType type, params byte[] value) => Raw(Encoding.UTF8.GetBytes(key), type, value);

    public GgufBytes Raw(byte[] key, GgufValueType type, params byte[] value)
    {
        _pairs.Add((Encoding.UTF8.GetString(key), [.. BitConverter.GetBytes((ulong)key.Length), .. key, .. BitConverter.GetBytes((uint)type), .. value]));
        return this;
    }

    public GgufBytes Add(string key, uint value) => Raw(key, GgufValueType.UInt32, BitConverter.GetBytes(value));

    public GgufBytes Add(string key, float value) => Raw(key, GgufValueType.Float32, BitConverter.GetBytes(value));

    public GgufBytes Add(string key, bool value) => Raw(key, GgufValueType.Bool, value ? (byte)1 : (byte)0);

    public GgufBytes Add(string key, string value) => Raw(key, GgufValueType.String, Text(value));

    public GgufBytes Add(string key, params string[] values) => Array(key, GgufValueType.String, values.Length, [.. values.SelectMany(Text)]);

    public GgufBytes Add(string key, params float[] values) => Array(key, GgufValueType.Float32, values.Length, [.. values.SelectMany(BitConverter.GetBytes)]);

    public GgufBytes Add(string key, params int[] values) => Array(key, GgufValueType.Int32, values.Length, [.. values.SelectMany(BitConverter.GetBytes)]);

    public GgufBytes Array(string key, GgufValueType type, long count, byte[] values) =>
        Raw(key, GgufValueType.Array, [.. BitConverter.GetBytes((uint)type), .. BitConverter.GetBytes(count), .. values]);

    public GgufBytes Align(uint alignment)
    {
        Alignment = (int)alignment;
        return Add("general.alignment", alignment);
    }

    /// <summary>A tensor; the length of a row comes first.</summary>
    public GgufBytes Tensor(string name, GgmlType type, ulong[] dims, byte[] data)
    {
        _tensors.Add((name, type, dims, data));
        return this;
    }

    /// <summary>Takes a pair out, if it is there.</summary>
    public GgufBytes Without(string key)
    {
        _pairs.RemoveAll(pair => pair.Key == key);
        return this;
    }

    public GgufBytes Remove(string tensor)
    {
        Assert.Equal(1, _tensors.RemoveAll(t => t.Name == tensor));
        return this;
    }

    /// <summary>Puts another tensor of the same name in the place of one.</summary>
    public GgufBytes Replace(string name, GgmlType type, ulong[] dims, byte[] data)
    {
        _tensors[_tensors.FindIndex(t => t.Name == name)] = (name, type, dims, data);
        return this;
    }

    public byte[] ToArray()
    {
        MemoryStream stream = new();
        void Write(params byte[] bytes) => stream.Write(bytes);
        Write(Encoding.ASCII.GetBytes(Magic));
        Write(BitConverter.GetBytes(Version));
        Write(BitConverter.GetBytes(Counts.Tensors ?? (ulong)_tensors.Count));
        Write(BitConverter.GetBytes(Counts.Pairs ?? (ulong)_pairs.Count));
        foreach ((_, byte[] pair) in _pairs) Write(pair);
        ulong offset = 0;
        foreach ((string name, GgmlType type, ulong[] dims, byte[] data) in _tensors)
        {
            Write(Text(name));
            Write(BitConverter.GetBytes((uint)dims.Length));
            foreach (ulong dim in dims) Write(BitConverter.GetBytes(dim));
            Write(BitConverter.GetBytes((uint)type));
            Write(BitConverter.GetBytes(offset + (name == _tensors[^1].Name ? ExtraOffset : 0)));
            offset += (ulong)Padded(data.Length);
        }
        Write(new byte[Padded(stream.Length) - stream.Length]);
        foreach ((_, _, _, byte[] data) in _tensors)
        {
            Write(data);
            Write(new byte[Padded(data.Length) - data.Length]);
        }
        return stream.ToArray();
    }

    private long Padded(long length) => (length + Alignment - 1) / Alignment * Alignment;

    private static byte[] Text(string text) => [.. BitConverter.GetBytes((ulong)Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];
}
