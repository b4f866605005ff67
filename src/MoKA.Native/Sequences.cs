namespace MoKA.Native;

/// <summary>
/// Which rows of a [tokens, dim] tensor belong together: sequence s is the rows Starts[s] .. Starts[s + 1] - 1. Sequences
/// lie end to end without padding; none attends to another, and each counts its positions from <paramref name="Offset"/>.
/// </summary>
/// <param name="Starts">[sequences + 1], ascending from 0 to the number of tokens.</param>
/// <param name="Offset">The position of each sequence's first row: how many tokens a cache already holds.</param>
public readonly record struct Sequences(ReadOnlyMemory<int> Starts, int Offset = 0)
{
    /// <summary>
    /// [sequences], or empty: where a cache of several texts keeps what came before each sequence. Then positions count
    /// from there, and <see cref="Offset"/> is not used.
    /// </summary>
    public ReadOnlyMemory<KeptText> Kept { get; init; }

    /// <summary>How many sequences there are.</summary>
    public int Count => Starts.Length - 1;

    /// <summary>How many rows they cover together.</summary>
    public int Tokens => Starts.Span[^1];

    /// <summary>The first row of a sequence.</summary>
    public int First(int sequence) => Starts.Span[sequence];

    /// <summary>How many rows a sequence has.</summary>
    public int Length(int sequence) => Starts.Span[sequence + 1] - Starts.Span[sequence];

    /// <summary>How many tokens came before a sequence's first row: its position.</summary>
    public int Past(int sequence) => Kept.IsEmpty ? Offset : Kept.Span[sequence].Length;

    /// <summary>The row of a sequence's first key: its own first row, unless a cache keeps the keys elsewhere.</summary>
    public int FirstKey(int sequence) => Kept.IsEmpty ? First(sequence) : Kept.Span[sequence].Row;

    /// <summary>Throws unless the starts ascend from 0 to <paramref name="tokens"/>.</summary>
    public void Validate(int tokens)
    {
        ReadOnlySpan<int> starts = Starts.Span;
        bool valid = starts.Length > 0 && starts[0] == 0 && starts[^1] == tokens && Offset >= 0;
        for (int i = 1; i < starts.Length && valid; i++) valid = starts[i] >= starts[i - 1];
        if (!valid) throw new ArgumentException($"Sequences: starts must ascend from 0 to the number of tokens, {tokens}.");
        valid = Kept.IsEmpty || Kept.Length == Count;
        for (int i = 0; i < Kept.Length && valid; i++) valid = Kept.Span[i] is { Row: >= 0, Length: >= 0 };
        if (!valid) throw new ArgumentException($"Sequences: there must be a kept text for each of the {Count} sequences, got {Kept.Length}.");
    }
}

/// <summary>What a cache keeps of one text.</summary>
/// <param name="Row">The row of the text's first token in the cache's tensors.</param>
/// <param name="Length">How many tokens are kept.</param>
public readonly record struct KeptText(int Row, int Length);
