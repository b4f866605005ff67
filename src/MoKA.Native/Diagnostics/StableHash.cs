using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace MoKA.Native.Diagnostics;

/// <summary>
/// SHA-256 over named spans of bytes, in the order given. It names a base model by its weights, so that an adapter can
/// tell the model it was trained on from another one of the same shape.
/// </summary>
/// <remarks>
/// Each part is hashed as: length of the UTF-8 name, the name, length of the content, the content; both lengths are
/// 64-bit little-endian. No two different lists of parts therefore feed the hash the same bytes.
/// </remarks>
public sealed class StableHash : IDisposable
{
    private readonly IncrementalHash _sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _missing;

    /// <summary>Hashes one whole part.</summary>
    public void Add(string name, ReadOnlySpan<byte> content)
    {
        Begin(name, content.Length);
        Append(content);
    }

    /// <summary>Hashes one whole part of floats, by their little-endian bits.</summary>
    public void Add(string name, ReadOnlySpan<float> content)
    {
        Begin(name, (long)content.Length * sizeof(float));
        // In pieces: the bytes of a large tensor may not fit one span.
        const int Piece = 1 << 20;
        for (int start = 0; start < content.Length; start += Piece)
        {
            Append(MemoryMarshal.AsBytes(content.Slice(start, Math.Min(Piece, content.Length - start))));
        }
    }

    /// <summary>Opens a part of <paramref name="length"/> bytes, whose content follows through <see cref="Append"/>.</summary>
    public void Begin(string name, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        RequireComplete();
        byte[] utf8 = Encoding.UTF8.GetBytes(name);
        AppendLength(utf8.Length);
        _sha.AppendData(utf8);
        AppendLength(length);
        _missing = length;
    }

    /// <summary>Hashes the next bytes of the open part.</summary>
    public void Append(ReadOnlySpan<byte> content)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(content.Length, _missing, nameof(content));
        _sha.AppendData(content);
        _missing -= content.Length;
    }

    /// <summary>The hash of all parts so far as 64 lower-case hexadecimal digits. More parts may follow.</summary>
    public string ToHex()
    {
        RequireComplete();
        return Convert.ToHexStringLower(_sha.GetCurrentHash());
    }

    /// <summary>Frees the hash state.</summary>
    public void Dispose() => _sha.Dispose();

    private void RequireComplete()
    {
        if (_missing != 0)
        {
            throw new InvalidOperationException($"The open part still lacks {_missing} bytes; append them first.");
        }
    }

    private void AppendLength(long length)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        _sha.AppendData(bytes);
    }
}
