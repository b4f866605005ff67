using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Data;

/// <summary>Running text for pre-training: documents end to end, from which each step takes windows at random.</summary>
public sealed class TextDataset : IBatchSource
{
    private readonly int[] _tokens;
    private readonly int _window;
    private readonly ulong _seed;

    /// <summary>A dataset over the tokens of all documents.</summary>
    /// <param name="tokens">Each document with its opening and its closing token.</param>
    /// <param name="window">How many tokens a sequence predicts.</param>
    /// <param name="seed">What the windows derive from.</param>
    public TextDataset(int[] tokens, int window, ulong seed)
    {
        if (window < 1) throw new MokaException($"Window: a sequence predicts at least one token, got {window}.");
        if (tokens.Length < window + 1) throw new MokaException($"Text: a window of {window} needs at least {window + 1} tokens of text, got {tokens.Length}; give more text or a shorter window.");
        (_tokens, _window, _seed) = (tokens, window, seed);
    }

    /// <summary>How many tokens there are.</summary>
    public int Tokens => _tokens.Length;

    /// <inheritdoc/>
    public void FillBatch(TokenBatch batch, long step, int batchSize)
    {
        batch.Clear();
        for (int row = 0; row < batchSize; row++)
        {
            int start = CounterRandom.Below(_seed, (ulong)step, (ulong)row, _tokens.Length - _window);
            batch.Add(_tokens.AsSpan(start, _window + 1), promptLength: 0);
        }
    }
}
