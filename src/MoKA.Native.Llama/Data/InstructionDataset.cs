using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Data;

/// <summary>
/// Encoded instruction records, and batches of them. Each epoch visits every example once in an order of its own; the
/// batch of a step depends on (seed, step, batch size) alone, so a resumed run sees the same batches.
/// </summary>
public sealed class InstructionDataset : IBatchSource
{
    // Keeps the shuffle apart from other uses of the same seed.
    private const ulong Domain = 0x5A5E_0001_0000_0000;

    private readonly Example[] _examples;
    private readonly ulong _seed;

    /// <summary>Encodes records. Those that do not fit, or that leave nothing to learn, are dropped and counted.</summary>
    /// <param name="tokenizer">Encodes prompts and responses.</param>
    /// <param name="template">Writes the prompts.</param>
    /// <param name="records">The records, in any order.</param>
    /// <param name="maxLength">The most ids that an example may have, with BOS and EOS.</param>
    /// <param name="seed">The seed of the shuffle.</param>
    /// <exception cref="MokaException">No example is left.</exception>
    public InstructionDataset(
        Tokenizer tokenizer, AlpacaTemplate template, IEnumerable<AlpacaRecord> records, int maxLength, ulong seed)
    {
        List<Example> examples = [];
        foreach (AlpacaRecord record in records)
        {
            Example example = Example.Encode(tokenizer, template, record);
            if (example.ResponseLength <= 1)
            {
                DroppedWithoutTarget++;
            }
            else if (example.Tokens.Length > maxLength)
            {
                DroppedTooLong++;
            }
            else
            {
                examples.Add(example);
            }
        }

        if (examples.Count == 0)
        {
            throw new MokaException(
                $"InstructionDataset: at least one example must have a response and at most {maxLength} ids, got none " +
                $"({DroppedTooLong} too long, {DroppedWithoutTarget} without a response); raise the length or check the data.");
        }

        _examples = [.. examples];
        _seed = seed;
    }

    /// <summary>The examples, in the order of the records.</summary>
    public IReadOnlyList<Example> Examples => _examples;

    /// <summary>How many records were dropped because they have more ids than allowed.</summary>
    public int DroppedTooLong { get; }

    /// <summary>How many records were dropped because their output is empty.</summary>
    public int DroppedWithoutTarget { get; }

    /// <summary>Replaces a batch by that of a step. Steps count from 0; a batch may span the end of an epoch.</summary>
    /// <param name="batch">Receives <paramref name="batchSize"/> sequences.</param>
    /// <param name="step">Which batch of the run.</param>
    /// <param name="batchSize">The number of examples, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public void FillBatch(TokenBatch batch, long step, int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        batch.Clear();
        for (int row = 0; row < batchSize; row++)
        {
            (long epoch, long place) = Math.DivRem(checked(step * batchSize + row), _examples.Length);
            int index = CounterPermutation.At(_seed ^ Domain, (ulong)epoch, (int)place, _examples.Length);
            batch.Add(_examples[index].Tokens, _examples[index].PromptLength);
        }
    }
}
