using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using MoKA.Native.Diagnostics;
using MoKA.Native.Memory;

namespace MoKA.Native.Checkpoints;

/// <summary>Walks through the bytes of a GGUF file; every step is checked against what is left of them before it is taken.</summary>
internal sealed class GgufReader(string path, MappedBuffer buffer)
{
    private const string Fix = "the file is cut short or damaged, fetch it again";

    /// <summary>The format's limit for one string, in bytes.</summary>
    public const int MaxString = 1 << 30;

    /// <summary>Where the next step begins, in bytes from the start of the file.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes that are left.</summary>
    public long Left => buffer.Length - Position;

    /// <summary>Steps over some bytes and gives their place.</summary>
    public long Skip(ulong bytes, string thing)
    {
        if (bytes > (ulong)Left) throw Error($"{thing} must end inside the file, got {bytes} bytes at byte {Position} of {buffer.Length}");
        long at = Position;
        Position += (long)bytes;
        return at;
    }

    /// <summary>The next few bytes.</summary>
    public ReadOnlySpan<byte> Bytes(int count, string thing) => buffer.Span(Skip((ulong)count, thing), count);

    public uint UInt32(string thing) => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(sizeof(uint), thing));

    public ulong UInt64(string thing) => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(sizeof(ulong), thing));

    /// <summary>How many of something follow, each of which takes at least so many bytes.</summary>
    public long Count(string thing, int leastBytes)
    {
        ulong count = UInt64(thing);
        return count <= (ulong)(Left / leastBytes) ? (long)count : throw Error($"{thing} must fit the rest of the file, of at most {Left / leastBytes}, got {count}");
    }

    /// <summary>A string's bytes.</summary>
    public ReadOnlySpan<byte> Utf8Bytes(string thing)
    {
        ulong length = UInt64(thing);
        if (length > MaxString) throw Error($"{thing} must be a string of at most {MaxString} bytes, got {length}");
        return Bytes((int)length, thing);
    }

    /// <summary>A string.</summary>
    public string Text(string thing)
    {
        ReadOnlySpan<byte> bytes = Utf8Bytes(thing);
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw Error($"{thing} must be UTF-8 text, got other bytes");
    }

    /// <summary>The error that a rule is broken.</summary>
    public MokaException Error(string problem, string fix = Fix) => new($"{Quoted.Plain(path)}: {problem}; {fix}.");

    /// <summary>The same reader at another place.</summary>
    public GgufReader At(long position) => new(path, buffer) { Position = position };
}
