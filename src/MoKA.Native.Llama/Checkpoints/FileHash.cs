using System.Security.Cryptography;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>What an adapter remembers of its base: SHA-256 of the weights files, one behind another.</summary>
internal static class FileHash
{
    private const int Piece = 1 << 20;

    /// <summary>The hash in lower-case hexadecimal digits.</summary>
    /// <exception cref="MokaException">A file cannot be read.</exception>
    public static string Of(IEnumerable<string> paths)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[Piece];
        foreach (string path in paths)
        {
            try
            {
                using FileStream stream = File.OpenRead(path);
                for (int read; (read = stream.Read(buffer)) > 0;) hash.AppendData(buffer, 0, read);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new MokaException($"{Quoted.Plain(path)}: cannot be read ({Quoted.Plain(e.Message)}); check that the file may be read.", e);
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
