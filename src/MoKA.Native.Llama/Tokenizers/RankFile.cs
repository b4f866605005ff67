using System.Buffers.Text;
using System.Globalization;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>
/// Reads LLaMA-3's <c>original/tokenizer.model</c>: a piece a line, as "base64 rank". The file has no special tokens; the 256
/// of LLaMA-3 follow its pieces.
/// </summary>
internal static class RankFile
{
    private const int SpecialTokens = 256;

    /// <summary>Reads the tokenizer.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="config">What may name BOS and EOS; else they are the first two special tokens.</param>
    public static ByteLevelTokenizer Parse(ReadOnlySpan<byte> file, TokenizerConfigJson? config)
    {
        int lines = file.Count((byte)'\n') + (file.EndsWith("\n"u8) ? 0 : 1);
        if (lines > Vocabulary.MaxSize - SpecialTokens) throw new MokaException($"must have at most {Vocabulary.MaxSize - SpecialTokens} lines, got {lines}; fetch the file again.");
        string[] pieces = new string[lines + SpecialTokens];
        Span<byte> bytes = stackalloc byte[Vocabulary.MaxPieceLength];
        int line = 0;
        foreach (Range range in file.Split((byte)'\n'))
        {
            if (line == lines) break;
            (string piece, int rank) = ReadLine(file[range], bytes, ++line);
            if (rank >= lines || pieces[rank] is not null) throw new MokaException($"ranks must be 0 to {lines - 1}, each once; line {line} has {rank}; fetch the file again.");
            pieces[rank] = piece;
        }
        for (int i = 0; i < SpecialTokens; i++) pieces[lines + i] = SpecialToken(i);
        return new ByteLevelTokenizer(new ByteLevelParts
        {
            Pieces = pieces,
            Types = [.. Enumerable.Range(0, pieces.Length).Select(id => id < lines ? PieceType.Normal : PieceType.Control)],
            Pattern = SplitPattern.Llama3,
            TakesWholeWords = true,
            BosId = Special(config?.BosToken) ?? lines,
            EosId = Special(config?.EosToken) ?? lines + 1,
        });

        int? Special(string? piece) => piece is not null && Array.IndexOf(pieces, piece, lines) is int id and > 0 ? id : null;
    }

    private static (string Piece, int Rank) ReadLine(ReadOnlySpan<byte> line, Span<byte> bytes, int number)
    {
        line = line.TrimEnd((byte)'\r');
        int space = line.IndexOf((byte)' ');
        bool read = space > 0 & Base64.DecodeFromUtf8(line[..Math.Max(space, 0)], bytes, out _, out int count) == System.Buffers.OperationStatus.Done & count > 0;
        if (!read || !Utf8Parser.TryParse(line[(space + 1)..], out int rank, out int parsed) || rank < 0 || parsed != line.Length - space - 1)
            throw new MokaException($"a line must be a piece in base64, of at most {Vocabulary.MaxPieceLength} bytes, a space and a rank, line {number} is not; fetch the file again.");
        return (ByteDisplay.Piece(bytes[..count]), rank);
    }

    // Their names in LLaMA-3; what has no use yet is reserved.
    private static string SpecialToken(int index) => index switch
    {
        0 => "<|begin_of_text|>",
        1 => "<|end_of_text|>",
        <= 5 => Reserved(index - 2),
        6 => "<|start_header_id|>",
        7 => "<|end_header_id|>",
        8 => Reserved(4),
        9 => "<|eot_id|>",
        _ => Reserved(index - 5),
    };

    private static string Reserved(int index) => string.Create(CultureInfo.InvariantCulture, $"<|reserved_special_token_{index}|>");
}
