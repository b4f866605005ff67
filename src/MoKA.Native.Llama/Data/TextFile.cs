using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Data;

/// <summary>Reads training text from files of outside origin.</summary>
public static class TextFile
{
    /// <summary>The line that parts the documents of a TinyStories file.</summary>
    public const string DocumentSeparator = "<|endoftext|>";

    internal const int MaxFileBytes = 1 << 30;

    /// <summary>Reads a UTF-8 text file whole.</summary>
    /// <exception cref="MokaException">The file is missing, too large, not UTF-8, or holds no text.</exception>
    public static string Read(string path)
    {
        string text = BoundedFile.ReadText(path, MaxFileBytes);
        return text.AsSpan().Trim().Length > 0 ? text : throw new MokaException($"{Quoted.Plain(path)}: must hold text, got none; check that it is the right file.");
    }

    /// <summary>
    /// Reads the documents of a UTF-8 text file: the parts between <see cref="DocumentSeparator"/>, without white space
    /// around them and without empty ones.
    /// </summary>
    /// <exception cref="MokaException">The file is missing, too large, not UTF-8, or holds no text.</exception>
    public static IReadOnlyList<string> ReadDocuments(string path)
    {
        string[] documents = BoundedFile.ReadText(path, MaxFileBytes).Split(DocumentSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return documents.Length > 0 ? documents : throw new MokaException($"{Quoted.Plain(path)}: must hold text, got none; check that it is the right file.");
    }
}
