using System.Text;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Checkpoints;

/// <summary>Reads small files from outside whole, and refuses those that are not small.</summary>
public static class BoundedFile
{
    /// <summary>All bytes of the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxBytes">The most it may hold.</param>
    /// <exception cref="MokaException">The file is missing, is not readable, or is longer.</exception>
    public static byte[] Read(string path, int maxBytes)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            if (stream.Length > maxBytes)
            {
                throw new MokaException($"{Quoted.Plain(path)}: must be at most {maxBytes} bytes, got {stream.Length}; " +
                    "check that it is the file you meant.");
            }
            var content = new byte[stream.Length];
            stream.ReadExactly(content);
            return content;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new MokaException($"{Quoted.Plain(path)}: cannot be read ({Quoted.Plain(e.Message)}); " +
                "check that the file exists and may be read.", e);
        }
    }

    /// <summary>The file's text without a byte order mark.</summary>
    /// <param name="path">The file, in UTF-8.</param>
    /// <param name="maxBytes">The most it may hold.</param>
    /// <exception cref="MokaException">The file is missing, is not readable, is longer, or is not UTF-8.</exception>
    public static string ReadText(string path, int maxBytes)
    {
        ReadOnlyMemory<byte> bytes = ReadUtf8(path, maxBytes);
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes.Span);
        }
        catch (DecoderFallbackException e)
        {
            throw new MokaException($"{Quoted.Plain(path)}: must be UTF-8 text, byte {e.Index} is not; save the file as UTF-8.", e);
        }
    }

    /// <summary>The file's bytes without a UTF-8 byte order mark.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxBytes">The most it may hold.</param>
    /// <exception cref="MokaException">The file is missing, is not readable, is longer, or begins with the mark of UTF-16.</exception>
    public static ReadOnlyMemory<byte> ReadUtf8(string path, int maxBytes)
    {
        byte[] bytes = Read(path, maxBytes);
        ReadOnlySpan<byte> start = bytes;
        if (start.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || start.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
            throw new MokaException($"{Quoted.Plain(path)}: must be UTF-8, got a UTF-16 byte order mark; save the file as UTF-8.");
        return start.StartsWith("\uFEFF"u8) ? bytes.AsMemory(3) : bytes;
    }
}
