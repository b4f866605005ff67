using MoKA.Native.Checkpoints;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>
/// Reads a tokenizer from any of its files: Hugging Face's tokenizer.json, SentencePiece's tokenizer.model, LLaMA-3's
/// tokenizer.model of "base64 rank" lines, and llama2.c's tokenizer.bin. The content decides, not the name.
/// </summary>
public static class TokenizerFile
{
    /// <summary>The names that are looked for in a folder, in this order.</summary>
    public static IReadOnlyList<string> Names { get; } = [TokenizerJson.FileName, "tokenizer.model", "tokenizer.bin"];

    // A piece of these files costs more time than one of JSON; the largest in use has 4 MB.
    private const int MaxBinaryBytes = 16 << 20;

    /// <summary>Reads a tokenizer. <c>tokenizer_config.json</c> beside it, if any, may name BOS and EOS and whether it is legacy.</summary>
    /// <param name="path">The file, or a folder that has one.</param>
    /// <param name="vocabularySize">How many pieces a tokenizer.bin must have, which does not say so itself.</param>
    /// <exception cref="MokaException">There is no file, or it is damaged, or of another kind.</exception>
    public static Tokenizer Load(string path, int? vocabularySize = null)
    {
        string file = !Directory.Exists(path) ? path : Find(path)
            ?? throw new MokaException($"{Quoted.Plain(path)}: a folder must hold {string.Join(" or ", Names)} to give a tokenizer, it holds none; check the path.");
        return Parse(BoundedFile.ReadUtf8(file, TokenizerJson.MaxFileBytes), file, TokenizerConfigJson.Beside(file), vocabularySize);
    }

    /// <summary>The file that <see cref="Load"/> reads in a folder; null if there is none.</summary>
    public static string? Find(string folder) => Names.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    internal static Tokenizer Parse(ReadOnlyMemory<byte> bytes, string name, TokenizerConfigJson? config = null, int? vocabularySize = null)
    {
        if (IsJson(bytes.Span)) return TokenizerJson.Parse(bytes, name, config);
        try
        {
            return ParseBinary(bytes.Span, config, vocabularySize);
        }
        catch (MokaException e)
        {
            throw new MokaException($"{Quoted.Plain(name)}: {e.Message}", e);
        }
    }

    private static Tokenizer ParseBinary(ReadOnlySpan<byte> bytes, TokenizerConfigJson? config, int? vocabularySize)
    {
        if (bytes.Length > MaxBinaryBytes) throw new MokaException($"must be at most {MaxBinaryBytes} bytes, got {bytes.Length}; check that it is the file you meant.");
        if (IsRanks(bytes)) return RankFile.Parse(bytes, config);

        // tokenizer.bin begins with a length below 65,536 as u32; a SentencePiece file with the tag of its first piece.
        if (bytes.Length >= 4 && bytes[2] == 0 && bytes[3] == 0) return Llama2cTokenizer.Parse(bytes, vocabularySize);
        if (bytes.Length >= 4 && bytes[0] == 0x0A) return SentencePieceModel.Parse(bytes, config);
        throw new MokaException("must be a tokenizer.json, a tokenizer.model of SentencePiece or of \"base64 rank\" lines, or a tokenizer.bin of llama2.c, it begins like none; check that it is the file you meant.");
    }

    private static bool IsJson(ReadOnlySpan<byte> bytes) => bytes.TrimStart(" \t\r\n"u8) is [(byte)'{', ..];

    private static bool IsRanks(ReadOnlySpan<byte> bytes)
    {
        int space = bytes.IndexOf((byte)' ');
        return space > 0 && space + 1 < bytes.Length && !bytes[..space].ContainsAnyExcept("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="u8) &&
            char.IsAsciiDigit((char)bytes[space + 1]);
    }
}
