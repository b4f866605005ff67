using MoKA.Native.Ops;

namespace MoKA.Native.Llama.Data;

/// <summary>
/// Sequences of different lengths laid end to end without padding, each with the id that follows every id. Buffers
/// grow to the largest batch and are then reused.
/// </summary>
public sealed class TokenBatch
{
    /// <summary>The target of a position that the loss ignores.</summary>
    public const int Ignored = Op.IgnoredLabel;

    private int[] _tokens = new int[1024];
    private int[] _targets = new int[1024];
    private int[] _targetRows = new int[1024];
    private int[] _targetIds = new int[1024];
    private int[] _starts = new int[16];

    /// <summary>The number of positions over all sequences.</summary>
    public int TokenCount { get; private set; }

    /// <summary>The number of sequences.</summary>
    public int SequenceCount { get; private set; }

    /// <summary>The number of positions that have a target.</summary>
    public int TargetCount { get; private set; }

    /// <summary>[tokens] ids that are fed. Valid until the batch changes.</summary>
    public ReadOnlyMemory<int> Tokens => _tokens.AsMemory(0, TokenCount);

    /// <summary>
    /// [tokens] the id that follows each fed id in its sequence, or <see cref="Ignored"/> where that id belongs to the
    /// prompt. Valid until the batch changes.
    /// </summary>
    public ReadOnlyMemory<int> Targets => _targets.AsMemory(0, TokenCount);

    /// <summary>[target count] the positions that have a target: only they need logits. Valid until the batch changes.</summary>
    public ReadOnlyMemory<int> TargetRows => _targetRows.AsMemory(0, TargetCount);

    /// <summary>[target count] the id that each of <see cref="TargetRows"/> should predict. Valid until the batch changes.</summary>
    public ReadOnlyMemory<int> TargetIds => _targetIds.AsMemory(0, TargetCount);

    /// <summary>[sequences + 1] where each sequence starts in <see cref="Tokens"/>, and the end of the last.</summary>
    public ReadOnlyMemory<int> SequenceStarts => _starts.AsMemory(0, SequenceCount + 1);

    /// <summary>Empties the batch and keeps its buffers.</summary>
    public void Clear() => (TokenCount, SequenceCount, TargetCount) = (0, 0, 0);

    /// <summary>Adds a sequence. Its last id is a target only, so a sequence of n ids takes n - 1 positions.</summary>
    /// <param name="tokens">[n] ids, at least 2.</param>
    /// <param name="promptLength">How many leading ids are no target, 0 to n. The first id never is.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer than 2 ids, or the prompt is longer than they are.</exception>
    public void Add(ReadOnlySpan<int> tokens, int promptLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens.Length, 2);
        ArgumentOutOfRangeException.ThrowIfNegative(promptLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(promptLength, tokens.Length);
        int fed = tokens.Length - 1;
        Reserve(TokenCount + fed, SequenceCount + 2);
        tokens[..fed].CopyTo(_tokens.AsSpan(TokenCount));
        tokens[1..].CopyTo(_targets.AsSpan(TokenCount));
        int ignored = Math.Max(promptLength - 1, 0);
        _targets.AsSpan(TokenCount, ignored).Fill(Ignored);
        for (int i = ignored; i < fed; i++)
        {
            _targetRows[TargetCount] = TokenCount + i;
            _targetIds[TargetCount++] = tokens[i + 1];
        }

        TokenCount += fed;
        _starts[++SequenceCount] = TokenCount;
    }

    private void Reserve(int tokens, int starts)
    {
        if (tokens > _tokens.Length)
        {
            int length = Math.Max(tokens, 2 * _tokens.Length);
            Array.Resize(ref _tokens, length);
            Array.Resize(ref _targets, length);
            Array.Resize(ref _targetRows, length);
            Array.Resize(ref _targetIds, length);
        }

        if (starts > _starts.Length)
        {
            Array.Resize(ref _starts, Math.Max(starts, 2 * _starts.Length));
        }
    }
}
