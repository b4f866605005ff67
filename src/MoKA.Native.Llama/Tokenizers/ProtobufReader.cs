using System.Buffers.Binary;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>Walks the fields of one protobuf message. It owns nothing: nested messages are parts of the same bytes.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;

    /// <summary>The number of the field read last.</summary>
    public int Field { get; private set; }

    /// <summary>The value of a field of a number: a varint, or the bits of a float.</summary>
    public ulong Value { get; private set; }

    /// <summary>The value of a field of bytes: a text or a message; empty for numbers.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>The value as a 32-bit float.</summary>
    public readonly float Float => BitConverter.UInt32BitsToSingle((uint)Value);

    /// <summary>Reads the next field; false at the end.</summary>
    /// <exception cref="MokaException">The bytes are not a message.</exception>
    public bool MoveNext()
    {
        if (_rest.IsEmpty) return false;
        ulong tag = Varint();
        Require(tag >> 3 is > 0 and <= int.MaxValue);
        (Field, Value) = ((int)(tag >> 3), 0);
        Bytes = default;
        switch (tag & 7)
        {
            case 0:
                Value = Varint();
                break;
            case 1:
                Value = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                break;
            case 2:
                Bytes = Take(Varint());
                break;
            case 5:
                Value = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                break;
            default:
                Require(false);
                break;
        }
        return true;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int i = 0; i < 10; i++)
        {
            Require(i < _rest.Length);
            value |= (ulong)(_rest[i] & 0x7F) << (7 * i);
            if (_rest[i] < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return value;
            }
        }
        Require(false);
        return value;
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        Require(count <= (ulong)_rest.Length);
        ReadOnlySpan<byte> taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }

    private static void Require(bool holds)
    {
        if (!holds) throw new MokaException("is not a protobuf message; fetch the file again.");
    }
}
