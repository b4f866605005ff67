using System.Numerics.Tensors;
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

    /// <summary>Whether a file begins with these bytes.</summary>
    public static bool BeginsWith(string path, ReadOnlySpan<byte> magic, int after = 0)
    {
        byte[] first = new byte[after + magic.Length];
        try
        {
            using FileStream stream = File.OpenRead(path);
            return stream.ReadAtLeast(first, first.Length, throwOnEndOfStream: false) == first.Length && magic.SequenceEqual(first.AsSpan(after));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MokaException($"{Quoted.Plain(path)}: cannot be read ({Quoted.Plain(e.Message)}); check that the file may be read.", e);
        }
    }

    /// <summary>Reads a whole tensor as floats, none of them infinite or not a number.</summary>
    public static void ReadFinite(SafetensorsReader file, string name, Span<float> destination)
    {
        file.ReadFloats(name, destination);
        if (!TensorPrimitives.IsFiniteAll<float>(destination))
            throw new MokaException($"{file.PathOf(name)}: {Quoted.Name(name)} must hold finite numbers, got one that is infinite or not a number; the file is damaged.");
    }
}
