namespace MoKA.Native.Llama.Tokenizers;

/// <summary>What the files of byte-level tokenizers say, for <see cref="ByteLevelTokenizer"/> to check.</summary>
internal sealed record ByteLevelParts
{
    /// <summary>Normal pieces display bytes as characters, others are plain text.</summary>
    public required IReadOnlyList<string> Pieces { get; init; }

    public required PieceType[] Types { get; init; }

    /// <summary>The merges; null if every split of a piece is one, ranked by the piece's id.</summary>
    public IReadOnlyList<Merge>? Merges { get; init; }

    public required SplitPattern Pattern { get; init; }

    public required bool TakesWholeWords { get; init; }

    public int? BosId { get; init; }

    public int? EosId { get; init; }
}
