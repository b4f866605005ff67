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
}
