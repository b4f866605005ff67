using System.Text;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Data;

/// <summary>Reads training text from files of outside origin.</summary>
public static class TextFile
{
    /// <summary>The line that parts the documents of a TinyStories file.</summary>
    public const string DocumentSeparator = "<|endoftext|>";

    private const long MaxFileBytes = 1L << 30;

    /// <summary>
    /// Reads the documents of a UTF-8 text file: the parts between <see cref="DocumentSeparator"/>, without white space
    /// around them and without empty ones.
    /// </summary>
    /// <exception cref="MokaException">The file is missing, too large, not UTF-8, or holds no text.</exception>
    public static IReadOnlyList<string> ReadDocuments(string path)
    {
        string text;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(ReadUtf8(path).Span);
        }
        catch (DecoderFallbackException e)
        {
            throw new MokaException($"{Quoted.Plain(path)}: must be UTF-8 text, byte {e.Index} is not; save the file as UTF-8.", e);
        }

        string[] documents = text.Split(DocumentSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return documents.Length > 0 ? documents : throw new MokaException($"{Quoted.Plain(path)}: must hold text, got none; check that it is the right file.");
    }

    /// <summary>The bytes of a file of at most 1 GiB, without a UTF-8 byte order mark.</summary>
    internal static ReadOnlyMemory<byte> ReadUtf8(string path)
    {
        byte[] bytes;
        try
        {
            using FileStream stream = File.OpenRead(path);
            if (stream.Length > MaxFileBytes)
            {
                throw new MokaException($"{Quoted.Plain(path)}: may have {MaxFileBytes} bytes, got {stream.Length}; split the file.");
            }

            bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MokaException($"{Quoted.Plain(path)}: cannot be read ({Quoted.Plain(e.Message)}); check the path.", e);
        }

        if (bytes.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || bytes.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
        {
            throw new MokaException($"{Quoted.Plain(path)}: must be UTF-8, got a UTF-16 byte order mark; save the file as UTF-8.");
        }

        return bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsMemory(3) : bytes;
    }
}
