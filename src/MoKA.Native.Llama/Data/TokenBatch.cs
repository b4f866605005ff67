
namespace MoKA.Native.Llama.Data;

/// <summary>
/// Sequences of different lengths, end to end without padding. Each is fed without its last token, and position i is
/// asked for token i + 1; positions whose answer is part of the prompt are not asked. The arrays grow once and are
/// reused.
/// </summary>
public sealed class TokenBatch
{
    private int[] _tokens = [];
    private int[] _starts = [0];
    private int[] _targetRows = [];
    private int[] _targetIds = [];
    private int _tokenCount;
    private int _sequences;

    /// <summary>[tokens], what the model reads.</summary>
    public ReadOnlyMemory<int> Tokens => _tokens.AsMemory(0, _tokenCount);

    /// <summary>[sequences + 1], where each sequence begins.</summary>
    public ReadOnlyMemory<int> SequenceStarts => _starts.AsMemory(0, _sequences + 1);

    /// <summary>[targets], the rows whose prediction counts.</summary>
    public ReadOnlyMemory<int> TargetRows => _targetRows.AsMemory(0, TargetCount);

    /// <summary>[targets], the token each of those rows should predict.</summary>
    public ReadOnlyMemory<int> TargetIds => _targetIds.AsMemory(0, TargetCount);

    /// <summary>How many predictions count.</summary>
    public int TargetCount { get; private set; }

    /// <summary>Empties the batch.</summary>
    public void Clear() => (_tokenCount, _sequences, TargetCount) = (0, 0, 0);

    /// <summary>Appends one sequence; only tokens from <paramref name="promptLength"/> on are targets.</summary>
    public void Add(ReadOnlySpan<int> tokens, int promptLength)
    {
        if (tokens.Length < 2) throw new ArgumentException($"TokenBatch: a sequence needs two tokens, one to read and one to predict, got {tokens.Length}.");
        int fed = tokens.Length - 1, start = _tokenCount;
        Grow(ref _tokens, start + fed);
        Grow(ref _starts, _sequences + 2);
        tokens[..fed].CopyTo(_tokens.AsSpan(start));
        Grow(ref _targetRows, TargetCount + fed);
        Grow(ref _targetIds, TargetCount + fed);
        for (int i = Math.Max(promptLength, 1); i < tokens.Length; i++)
        {
            _targetRows[TargetCount] = start + i - 1;
            _targetIds[TargetCount++] = tokens[i];
        }
        _tokenCount += fed;
        _starts[++_sequences] = _tokenCount;
    }

    private static void Grow(ref int[] array, int length)
    {
        if (array.Length < length) Array.Resize(ref array, Math.Max(length, 2 * array.Length));
    }
}
