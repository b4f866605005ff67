namespace MoKA.Native.Llama.Tokenizers;

/// <summary>What the files of SentencePiece tokenizers say, for <see cref="SentencePieceTokenizer"/> to check.</summary>
internal sealed record SentencePieceParts
{
    public required IReadOnlyList<string> Pieces { get; init; }

    public required IReadOnlyList<float> Scores { get; init; }

    public required PieceType[] Types { get; init; }

    public int? BosId { get; init; }

    public int? EosId { get; init; }

    public DummyPrefix Prefix { get; init; } = DummyPrefix.Always;

    /// <summary>Whether characters without a piece that stand together become one unknown id.</summary>
    public bool FuseUnknown { get; init; } = true;

    /// <summary>The merges; null if every split of a piece is one, ranked by the piece's score.</summary>
    public IReadOnlyList<Merge>? Merges { get; init; }

    /// <summary>Whether a user-defined piece parts the text, so that what follows it is a text of its own, as Hugging Face has it.</summary>
    public bool UserDefinedCuts { get; init; }
}
