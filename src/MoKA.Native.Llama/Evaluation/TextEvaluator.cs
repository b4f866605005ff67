using System.Text;
using MoKA.Native.Autograd;
using MoKA.Native.Llama.Data;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Ops;

namespace MoKA.Native.Llama.Evaluation;

/// <summary>The loss on running text, in units that models with different tokenizers share.</summary>
/// <param name="Nats">The whole cross-entropy.</param>
/// <param name="Bytes">UTF-8 bytes of the text.</param>
/// <param name="Tokens">How many tokens were predicted.</param>
public readonly record struct TextLoss(double Nats, long Bytes, long Tokens)
{
    /// <summary>Cross-entropy for each byte of text.</summary>
    public double NatsPerByte => Bytes == 0 ? 0 : Nats / Bytes;

    /// <summary>e to the mean cross-entropy of a token.</summary>
    public double Perplexity => Tokens == 0 ? 1 : Math.Exp(Nats / Tokens);
}

/// <summary>
/// Measures the loss on documents. Each document is cut into pieces of at most a window of tokens, each read after the
/// opening token; every token of the text is predicted once, the closing token is not counted. With a tokenizer that has no
/// opening token the first token of a piece is not predicted.
/// </summary>
public static class TextEvaluator
{
    private const int PiecesAtOnce = 8;

    /// <summary>The loss summed over all documents.</summary>
    public static TextLoss Evaluate(LlamaModel model, Tokenizer tokenizer, IEnumerable<string> documents, int window, Cpu cpu, CancellationToken cancel = default)
    {
        using Tape tape = new(cpu, gradients: false);
        TokenBatch batch = new();
        double nats = 0;
        long bytes = 0, tokens = 0;
        void Flush()
        {
            if (batch.TargetCount == 0) return;
            tape.Reset();
            Tensor states = model.States(tape, batch.Tokens, new Sequences(batch.SequenceStarts));
            Tensor loss = model.Loss(tape, states, batch.TargetRows, batch.TargetIds);
            nats += (double)loss.Data[0] * batch.TargetCount;
            tokens += batch.TargetCount;
            batch.Clear();
        }
        foreach (string document in documents)
        {
            cancel.ThrowIfCancellationRequested();
            bytes += Encoding.UTF8.GetByteCount(document);
            foreach (int[] piece in tokenizer.Encode(document).Chunk(window))
            {
                int[] read = tokenizer.BosId is { } bos ? [bos, .. piece] : piece;
                if (read.Length == 1) continue;
                batch.Add(read, promptLength: 1);
                if (batch.SequenceStarts.Length > PiecesAtOnce) Flush();
            }
        }
        Flush();
        return new TextLoss(nats, bytes, tokens);
    }
}
