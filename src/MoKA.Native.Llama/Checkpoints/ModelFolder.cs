using System.Numerics.Tensors;
using System.Security.Cryptography;
using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Checkpoints;

/// <summary>What reading and writing the files of models and adapters have in common.</summary>
internal static class ModelFolder
{
    /// <summary>Makes the folder unless it is there.</summary>
    public static void Create(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MokaException($"{folder}: the folder cannot be made ({Quoted.Plain(e.Message)}); choose another place.", e);
        }
    }

    /// <summary>The SHA-256 of a file, in hexadecimal digits.</summary>
    public static string Hash(string path) => Open(path, stream => Convert.ToHexStringLower(SHA256.HashData(stream)));

    /// <summary>Whether a file begins with these bytes.</summary>
    public static bool BeginsWith(string path, ReadOnlySpan<byte> magic)
    {
        byte[] first = new byte[magic.Length];
        return Open(path, stream => stream.ReadAtLeast(first, first.Length, throwOnEndOfStream: false)) == first.Length && magic.SequenceEqual(first);
    }

    /// <summary>Reads a whole tensor as floats, none of them infinite or not a number.</summary>
    public static void ReadFinite(SafetensorsFile file, string name, Span<float> destination)
    {
        file.ReadFloats(name, destination);
        if (!TensorPrimitives.IsFiniteAll<float>(destination))
            throw new MokaException($"{file.Path}: {Quoted.Name(name)} must hold finite numbers, got one that is infinite or not a number; the file is damaged.");
    }

    private static T Open<T>(string path, Func<FileStream, T> read)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            return read(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MokaException($"{path}: cannot be read ({Quoted.Plain(e.Message)}); check that the file may be read.", e);
        }
    }
}
