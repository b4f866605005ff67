using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MoKA.Native.Diagnostics;
using MoKA.Native.Memory;

namespace MoKA.Native.Checkpoints;

/// <summary>What a value of a GGUF file's metadata is; the numbers are the format's.</summary>
public enum GgufValueType : uint
{
#pragma warning disable CS1591 // the names are the format's own
    UInt8 = 0, Int8 = 1, UInt16 = 2, Int16 = 3, UInt32 = 4, Int32 = 5, Float32 = 6, Bool = 7, String = 8, Array = 9, UInt64 = 10, Int64 = 11, Float64 = 12,
#pragma warning restore CS1591
}

/// <summary>
/// The named values of a GGUF file. Where each lies is known and checked when the file is opened; it is read when it is asked for,
/// so that a vocabulary nobody asks for costs nothing. A value that is absent is null; one of another type than asked for is an error.
/// </summary>
public sealed class GgufMetadata
{
    private const string Fix = "check that the file is the model you meant";
    private readonly string _path;
    private readonly MappedBuffer _buffer;
    private readonly OrderedDictionary<string, Place> _places = [];

    internal GgufMetadata(string path, MappedBuffer buffer) => (_path, _buffer) = (Quoted.Plain(path), buffer);

    /// <summary>The type of a value, or of an array's elements; the elements' number, 1 for what is no array; where they begin.</summary>
    private readonly record struct Place(GgufValueType Type, bool IsArray, int Count, long Offset);

    /// <summary>The names, in the file's order.</summary>
    public IReadOnlyCollection<string> Keys => _places.Keys;

    /// <summary>Whether there is a value of this name.</summary>
    public bool Has(string key) => _places.ContainsKey(key);

    /// <summary>What a value is, or null.</summary>
    public GgufValueType? TypeOf(string key) => _places.TryGetValue(key, out Place place) ? place.IsArray ? GgufValueType.Array : place.Type : null;

    /// <summary>A string.</summary>
    public string? Text(string key) => Find(key, "a string", p => p is { IsArray: false, Type: GgufValueType.String }) is { } place ? At(place).Text(Quoted.Name(key)) : null;

    /// <summary>A whole number of any width.</summary>
    public long? Integer(string key)
    {
        if (Find(key, "a whole number", p => !p.IsArray && IsInteger(p.Type)) is not { } place) return null;
        ReadOnlySpan<byte> bytes = Bytes(place);
        return place.Type == GgufValueType.UInt64 && BinaryPrimitives.ReadUInt64LittleEndian(bytes) > long.MaxValue
            ? throw Error($"{Quoted.Name(key)} must be a whole number of at most {long.MaxValue}, got {BinaryPrimitives.ReadUInt64LittleEndian(bytes)}")
            : ReadInteger(place.Type, bytes);
    }

    /// <summary>A floating-point number.</summary>
    public double? Number(string key) => Find(key, "a floating-point number", p => !p.IsArray && IsFloat(p.Type)) is { } place ? ReadFloat(place.Type, Bytes(place)) : null;

    /// <summary>True or false.</summary>
    public bool? Flag(string key) => Find(key, "true or false", p => p is { IsArray: false, Type: GgufValueType.Bool }) is { } place ? Bytes(place)[0] != 0 : null;

    /// <summary>An array of strings.</summary>
    public string[]? Texts(string key)
    {
        if (Find(key, "an array of strings", p => p is { IsArray: true, Type: GgufValueType.String }) is not { } place) return null;
        GgufReader reader = At(place);
        string[] texts = new string[place.Count];
        for (int i = 0; i < texts.Length; i++) texts[i] = reader.Text(key);
        return texts;
    }

    /// <summary>An array of 32-bit whole numbers.</summary>
    public int[]? Integers(string key) => Find(key, "an array of 32-bit whole numbers", p => p is { IsArray: true, Type: GgufValueType.Int32 or GgufValueType.UInt32 }) is { } place
        ? MemoryMarshal.Cast<byte, int>(Bytes(place)).ToArray()
        : null;

    /// <summary>An array of 32-bit floating-point numbers.</summary>
    public float[]? Numbers(string key) => Find(key, "an array of 32-bit floating-point numbers", p => p is { IsArray: true, Type: GgufValueType.Float32 }) is { } place
        ? MemoryMarshal.Cast<byte, float>(Bytes(place)).ToArray()
        : null;

    /// <summary>Steps over the next key and value and remembers where the value lies.</summary>
    internal void Add(GgufReader reader)
    {
        string key = reader.Text("a metadata key"), name = $"the value of {Quoted.Name(key)}";
        GgufValueType type = Type(reader, name);
        bool isArray = type == GgufValueType.Array;
        if (isArray) type = Type(reader, name);
        if (type == GgufValueType.Array) throw reader.Error($"{name} must be a number, a string or an array of these, got an array of arrays", "nothing known needs such a file");
        int size = Size(type);
        long count = isArray ? reader.Count(name, size) : 1;
        if (count > 1 << 30) throw reader.Error($"{name} must have at most {1 << 30} elements, got {count}");
        Place place = new(type, isArray, (int)count, reader.Position);
        if (type == GgufValueType.String)
            for (long i = 0; i < count; i++) reader.Utf8Bytes(name);
        else reader.Skip((ulong)(count * size), name);
        if (type == GgufValueType.Bool) RequireBooleans(reader, name, place);
        if (!_places.TryAdd(key, place)) throw reader.Error($"metadata keys must be different, got {Quoted.Name(key)} twice", "the file is damaged, fetch it again");
    }

    private void RequireBooleans(GgufReader reader, string name, Place place)
    {
        if (_buffer.Span(place.Offset, place.Count).ContainsAnyExceptInRange<byte>(0, 1)) throw reader.Error($"{name} must be 0 or 1, the bytes of a boolean, got another");
    }

    private static GgufValueType Type(GgufReader reader, string name)
    {
        GgufValueType type = (GgufValueType)reader.UInt32(name);
        return type <= GgufValueType.Float64 ? type : throw reader.Error($"{name} must be of a type from 0 to {(uint)GgufValueType.Float64}, got {(uint)type}");
    }

    private Place? Find(string key, string rule, Func<Place, bool> fits)
    {
        if (!_places.TryGetValue(key, out Place place)) return null;
        return fits(place) ? place : throw Error($"{Quoted.Name(key)} must be {rule}, got {(place.IsArray ? $"an array of {place.Type}" : place.Type)}");
    }

    private GgufReader At(Place place) => new GgufReader(_path, _buffer).At(place.Offset);

    private ReadOnlySpan<byte> Bytes(Place place) => _buffer.Span(place.Offset, checked(place.Count * Size(place.Type)));

    private MokaException Error(string problem) => new($"{_path}: {problem}; {Fix}.");

    private static bool IsFloat(GgufValueType type) => type is GgufValueType.Float32 or GgufValueType.Float64;

    private static bool IsInteger(GgufValueType type) => !IsFloat(type) && type is not (GgufValueType.Bool or GgufValueType.String or GgufValueType.Array);

    private static double ReadFloat(GgufValueType type, ReadOnlySpan<byte> bytes) =>
        type == GgufValueType.Float32 ? BinaryPrimitives.ReadSingleLittleEndian(bytes) : BinaryPrimitives.ReadDoubleLittleEndian(bytes);

    private static long ReadInteger(GgufValueType type, ReadOnlySpan<byte> bytes) => type switch
    {
        GgufValueType.UInt8 => bytes[0],
        GgufValueType.Int8 => (sbyte)bytes[0],
        GgufValueType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
        GgufValueType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(bytes),
        GgufValueType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        GgufValueType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(bytes),
        _ => BinaryPrimitives.ReadInt64LittleEndian(bytes),
    };

    /// <summary>The bytes of a value; of a string, the least: its length.</summary>
    private static int Size(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        _ => 8,
    };
}
