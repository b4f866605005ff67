using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Evaluation;

/// <summary>Which tokens of a text are scored, and after what.</summary>
public enum PerplexityProtocol
{
    /// <summary>
    /// That of llama.cpp's perplexity tool. The text without one final line end, opened by BOS, is cut into windows of N
    /// tokens; an incomplete last one is dropped. Each is read alone with BOS in place of its first token. Scored are its
    /// tokens N/2 + 1 to N - 1 (from 0), each after all of the window before it. Without a BOS the first token stays.
    /// </summary>
    LlamaCpp,

    /// <summary>
    /// Every token of the text is scored once. The text is cut into pieces of N - 1 tokens, the last perhaps shorter, each read
    /// alone after BOS: a token is conditioned on BOS and on what is before it in its piece. Without a BOS each piece is read
    /// after the last token of the piece before, and the text's first token is not scored.
    /// </summary>
    Full,
}

/// <summary>A perplexity and what it was measured on.</summary>
/// <param name="NatsPerToken">Mean cross-entropy of the scored tokens.</param>
/// <param name="NatsError">Its standard error, as if tokens were independent.</param>
/// <param name="Scored">How many tokens were scored.</param>
/// <param name="Read">How many tokens the model was shown.</param>
/// <param name="Windows">How many stretches of text were read.</param>
public sealed record PerplexityResult(double NatsPerToken, double NatsError, long Scored, long Read, int Windows)
{
    /// <summary>e to the mean cross-entropy.</summary>
    public double Value => Math.Exp(NatsPerToken);

    /// <summary>The perplexity's standard error.</summary>
    public double Error => Value * NatsError;
}

/// <summary>How far a measurement is.</summary>
/// <param name="Done">Windows that are read.</param>
/// <param name="Windows">All of them.</param>
/// <param name="NatsPerToken">The mean so far.</param>
public readonly record struct PerplexityProgress(int Done, int Windows, double NatsPerToken);

/// <summary>Measures how well a model predicts a text. Several windows go through the model together, and logits of a bounded number of tokens exist at a time.</summary>
public static class Perplexity
{
    /// <summary>Windows share a pass up to so many tokens: enough for full matrix products, little beside a model.</summary>
    private const int TokensAtOnce = 2048;

    /// <summary>The least window in which both protocols score something.</summary>
    public const int LeastContext = 4;

    /// <summary>Measures a whole text.</summary>
    /// <param name="model">The model, with or without an adapter on it.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="text">The text.</param>
    /// <param name="protocol">What is scored after what.</param>
    /// <param name="context">N, the tokens of a window, at most the model's positions.</param>
    /// <param name="cpu">What to compute on.</param>
    /// <param name="progress">Told after each pass.</param>
    /// <param name="cancel">Stops with an <see cref="OperationCanceledException"/> before the next pass.</param>
    /// <exception cref="MokaException">The context is out of range, or the text is too short for it.</exception>
    public static PerplexityResult Evaluate(LlamaModel model, Tokenizer tokenizer, string text, PerplexityProtocol protocol, int context, Cpu cpu, Action<PerplexityProgress>? progress = null, CancellationToken cancel = default)
    {
        CheckContext(model.Config, context);
        int[] opening = tokenizer.Encode("", addBos: true);
        IReadOnlyList<Window> windows = protocol == PerplexityProtocol.LlamaCpp ? Halves(tokenizer, text, context, opening) : Pieces(tokenizer.Encode(text), context, opening);
        return Measure(model, windows, cpu, progress, cancel);
    }

    /// <summary>Throws one line when a model cannot read windows of so many tokens.</summary>
    public static void CheckContext(LlamaConfig config, int context)
    {
        if (context < LeastContext || context > config.MaxPositions) throw new MokaException($"Perplexity: the context must be from {LeastContext} to the model's {config.MaxPositions} positions, got {context}.");
    }

    private static List<Window> Halves(Tokenizer tokenizer, string text, int context, int[] opening)
    {
        int[] tokens = tokenizer.Encode(text.EndsWith('\n') ? text[..^1] : text, addBos: true);
        if (tokens.Length < 2L * context) throw new MokaException($"Perplexity: this protocol needs at least {2L * context} tokens for a context of {context}, got {tokens.Length}; give more text or a shorter context.");
        List<Window> windows = [];
        for (int first = 0; first + context <= tokens.Length; first += context)
        {
            int[] window = tokens[first..(first + context)];
            opening.CopyTo(window, 0);
            windows.Add(new Window(window, context / 2 + 1));
        }
        return windows;
    }

    internal static List<Window> Pieces(int[] tokens, int context, int[] opening)
    {
        List<Window> windows = [];
        for (int first = 1 - opening.Length; first < tokens.Length; first += context - 1)
        {
            int[] before = opening.Length > 0 ? opening : [tokens[first - 1]];
            windows.Add(new Window([.. before, .. tokens.AsSpan(first, Math.Min(context - 1, tokens.Length - first))], 1));
        }
        return windows.Count > 0 ? windows : throw new MokaException($"Perplexity: the text must have a token to score, got {tokens.Length} in all; give more text.");
    }

    private static PerplexityResult Measure(LlamaModel model, IReadOnlyList<Window> windows, Cpu cpu, Action<PerplexityProgress>? progress, CancellationToken cancel)
    {
        using Tape tape = new(cpu, gradients: false);
        Data.TokenBatch batch = new();
        double sum = 0, squares = 0;
        long scored = 0, read = 0;
        for (int next = 0; next < windows.Count;)
        {
            cancel.ThrowIfCancellationRequested();
            batch.Clear();
            do batch.Add(windows[next].Tokens, windows[next].FirstScored);
            while (++next < windows.Count && batch.TokenCount + windows[next].Tokens.Length <= TokensAtOnce);
            tape.Reset();
            Tensor states = model.States(tape, batch.Tokens, new Sequences(batch.SequenceStarts));
            foreach (float nats in model.Losses(tape, states, batch.TargetRows, batch.TargetIds).Data)
            {
                sum += nats;
                squares += (double)nats * nats;
            }
            scored += batch.TargetCount;
            read += batch.TokenCount;
            progress?.Invoke(new PerplexityProgress(next, windows.Count, sum / scored));
        }
        double mean = sum / scored, variance = squares / scored - mean * mean;
        return new PerplexityResult(mean, scored > 1 && variance > 0 ? Math.Sqrt(variance / (scored - 1)) : 0, scored, read, windows.Count);
    }

    /// <summary>Tokens read alone, of which those from <paramref name="FirstScored"/> on are scored.</summary>
    internal readonly record struct Window(int[] Tokens, int FirstScored);
}
