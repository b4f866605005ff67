using System.Globalization;

namespace MoKA.Native.Llama.Tokenizers;

/// <summary>The first ids of LLaMA-2, of tokenizers trained here and of llama2.c: &lt;unk&gt;, &lt;s&gt;, &lt;/s&gt;, then the bytes &lt;0x00&gt; to &lt;0xFF&gt;.</summary>
internal static class Llama2Layout
{
    public const int UnknownId = 0, BosId = 1, EosId = 2, FirstByteId = 3, FirstPieceId = FirstByteId + 256;

    public static string Piece(int id) => id switch
    {
        UnknownId => "<unk>",
        BosId => "<s>",
        EosId => "</s>",
        _ => BytePiece(id - FirstByteId),
    };

    public static PieceType Type(int id) => id switch
    {
        UnknownId => PieceType.Unknown,
        BosId or EosId => PieceType.Control,
        < FirstPieceId => PieceType.Byte,
        _ => PieceType.Normal,
    };

    /// <summary>How SentencePiece names a byte: &lt;0x0A&gt;.</summary>
    public static string BytePiece(int value) => string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>");

    /// <summary>A tokenizer of this layout in which every split of a piece is a merge.</summary>
    /// <param name="pieces">[vocabulary] all pieces, the fixed ones too.</param>
    /// <param name="scores">[vocabulary] their scores.</param>
    /// <param name="prefix">Where "▁" goes.</param>
    public static SentencePieceTokenizer Create(IReadOnlyList<string> pieces, IReadOnlyList<float> scores, DummyPrefix prefix = DummyPrefix.Always) => new(new SentencePieceParts
    {
        Pieces = pieces,
        Scores = scores,
        Types = [.. Enumerable.Range(0, pieces.Count).Select(Type)],
        BosId = BosId,
        EosId = EosId,
        Prefix = prefix,
    });
}
