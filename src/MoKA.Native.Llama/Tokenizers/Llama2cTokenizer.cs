using System.Buffers.Binary;
using System.Text;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>
/// Reads llama2.c's <c>tokenizer.bin</c>: the length of the longest piece as u32, then for each piece its score as f32,
/// its length as u32 and its bytes, all little-endian. Pieces have LLaMA-2's layout, plain spaces, and line ends around
/// &lt;s&gt; and &lt;/s&gt;; how many there are the file does not say.
/// </summary>
internal static class Llama2cTokenizer
{
    private const int HeadBytes = 8;

    /// <summary>Reads the tokenizer.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="vocabularySize">How many pieces there must be, if it is known.</param>
    public static SentencePieceTokenizer Parse(ReadOnlySpan<byte> file, int? vocabularySize)
    {
        List<string> pieces = [];
        List<float> scores = [];
        UTF8Encoding utf8 = new(false, throwOnInvalidBytes: true);
        ReadOnlySpan<byte> rest = file[4..];
        while (!rest.IsEmpty && pieces.Count <= Vocabulary.MaxSize)
        {
            uint length = rest.Length < HeadBytes ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
            if (length > rest.Length - HeadBytes) throw new MokaException($"piece {pieces.Count} must lie inside the file, it ends too early; fetch the file again.");
            scores.Add(BinaryPrimitives.ReadSingleLittleEndian(rest));
            pieces.Add(Piece(utf8, rest.Slice(HeadBytes, (int)length), pieces.Count));
            rest = rest[(HeadBytes + (int)length)..];
        }
        if (vocabularySize is { } wanted && wanted != pieces.Count) throw new MokaException($"must have the model's {wanted} pieces, got {pieces.Count}; use the tokenizer.bin that belongs to the model.");
        for (int id = 0; id < Llama2Layout.FirstPieceId; id++)
        {
            string? got = id < pieces.Count ? pieces[id] : null;
            if (got != Llama2Layout.Piece(id)) throw new MokaException($"piece {id} must be {Llama2Layout.Piece(id)}, got {(got is null ? "none" : Quoted.Name(got))}; fetch the file again.");
        }
        return Llama2Layout.Create(pieces, scores);
    }

    private static string Piece(UTF8Encoding utf8, ReadOnlySpan<byte> bytes, int id)
    {
        try
        {
            string piece = utf8.GetString(bytes);
            return id is Llama2Layout.BosId or Llama2Layout.EosId ? piece.Trim('\n') : piece.Replace(' ', SentencePieceTokenizer.Space);
        }
        catch (DecoderFallbackException e)
        {
            throw new MokaException($"piece {id} must be UTF-8; fetch the file again.", e);
        }
    }
}
