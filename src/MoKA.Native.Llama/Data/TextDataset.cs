using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Data;

/// <summary>
/// Plain text for pre-training: documents, each BOS ... EOS where the tokenizer has them, laid end to end, and batches of random windows. A window
/// depends on (seed, step, row) alone, so a resumed run sees the same batches.
/// </summary>
public sealed class TextDataset : IBatchSource
{
    // Keeps the windows apart from other uses of the same seed.
    private const ulong Domain = 0x5A5E_0002_0000_0000;

    private readonly int[] _tokens;
    private readonly int _context;
    private readonly ulong _seed;

    /// <summary>Encodes documents.</summary>
    /// <param name="tokenizer">Encodes the documents.</param>
    /// <param name="documents">The text, at least <paramref name="context"/> + 1 ids of it.</param>
    /// <param name="context">The number of ids that a window feeds, at least 1.</param>
    /// <param name="seed">The seed of the windows.</param>
    /// <exception cref="MokaException">The text is shorter than one window.</exception>
    public TextDataset(Tokenizer tokenizer, IEnumerable<string> documents, int context, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(context, 1);
        List<int> tokens = [];
        foreach (string document in documents)
        {
            tokens.AddRange(tokenizer.Encode(document, addBos: true));
            if (tokenizer.EosId is { } eos) tokens.Add(eos);
        }

        if (tokens.Count <= context)
        {
            throw new MokaException(
                $"TextDataset: the text must have at least {context + 1} ids for a context of {context}, got {tokens.Count}; give more text or a shorter context.");
        }

        _tokens = [.. tokens];
        _context = context;
        _seed = seed;
    }

    /// <summary>[ids] all documents end to end.</summary>
    public ReadOnlyMemory<int> Tokens => _tokens;

    /// <summary>Replaces a batch by that of a step: random windows, in which every position has a target.</summary>
    /// <param name="batch">Receives <paramref name="batchSize"/> sequences of the context's length.</param>
    /// <param name="step">Which batch of the run, from 0.</param>
    /// <param name="batchSize">The number of windows, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public void FillBatch(TokenBatch batch, long step, int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        batch.Clear();
        for (int row = 0; row < batchSize; row++)
        {
            int start = CounterRandom.Below(_seed ^ Domain, (ulong)step, (ulong)row, _tokens.Length - _context);
            batch.Add(_tokens.AsSpan(start, _context + 1), promptLength: 0);
        }
    }
}
