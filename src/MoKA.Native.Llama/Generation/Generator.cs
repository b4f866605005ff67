using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Generation;

/// <summary>
/// Continues texts token by token with a cache of keys and values. The logits of each step have the same bits as a forward
/// pass over the whole text, alone or among others.
/// </summary>
public sealed partial class Generator : IDisposable
{
    /// <summary>The most tokens that go through the model together: bounds memory, and how long a cancellation waits.</summary>
    private const int TokensAtOnce = 512;

    private readonly LlamaModel _model;
    private readonly Tape _tape;
    private readonly List<int> _tokens = [];
    private readonly List<int> _starts = [];

    /// <summary>A generator for a model, with or without adapters on it.</summary>
    public Generator(LlamaModel model, Cpu cpu) => (_model, _tape) = (model, new Tape(cpu, gradients: false));

    /// <summary>The new tokens as they come, without the prompt and without the token that ends the text.</summary>
    /// <param name="prompt">At least one token, the opening token included.</param>
    /// <param name="options">How to choose and when to stop; stop strings need text, see <see cref="Text(Tokenizer, string, GenerationOptions, GenerationResult?, CancellationToken)"/>.</param>
    /// <param name="result">Filled while tokens come; says at the end why there are no more.</param>
    /// <param name="cancel">Ends the text, without an exception.</param>
    /// <exception cref="MokaException">An option is out of range, or the prompt is empty or too long.</exception>
    public IEnumerable<int> Tokens(int[] prompt, GenerationOptions options, GenerationResult? result = null, CancellationToken cancel = default)
    {
        RefuseStopStrings(options);
        return Run(new Continuation(_model.Config, prompt, options, _model.Config.MaxPositions), result ?? new GenerationResult(), null, cancel);
    }

    /// <summary>The new text in pieces as it comes; no piece breaks a character in two or shows a part of a stop string.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="prompt">The text to continue.</param>
    /// <param name="options">How to choose and when to stop.</param>
    /// <param name="result">Filled while text comes; says at the end why there is no more.</param>
    /// <param name="cancel">Ends the text, without an exception.</param>
    /// <exception cref="MokaException">An option is out of range, or the prompt is empty or too long.</exception>
    public IEnumerable<string> Text(Tokenizer tokenizer, string prompt, GenerationOptions options, GenerationResult? result = null, CancellationToken cancel = default) =>
        Text(tokenizer, tokenizer.Encode(prompt, addBos: true), options, result, cache: null, continues: prompt.Length > 0, cancel);

    /// <summary>The same after a prompt in tokens, whose beginning a cache may hold already.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="prompt">At least one token, the opening token included.</param>
    /// <param name="options">How to choose and when to stop.</param>
    /// <param name="result">Filled while text comes; says at the end why there is no more.</param>
    /// <param name="cache">Keeps prompt and text for the next prompt; its capacity bounds both together. Null for none.</param>
    /// <param name="continues">Whether the text goes on where the prompt ends, so that a leading space belongs to it.</param>
    /// <param name="cancel">Ends the text, without an exception.</param>
    /// <exception cref="MokaException">An option is out of range, or the prompt is empty or too long.</exception>
    public IEnumerable<string> Text(Tokenizer tokenizer, int[] prompt, GenerationOptions options, GenerationResult? result = null, TextCache? cache = null, bool continues = true, CancellationToken cancel = default)
    {
        int positions = Math.Min(_model.Config.MaxPositions, cache?.Capacity ?? int.MaxValue);
        Continuation text = new(_model.Config, prompt, options, positions);
        return Pieces(new TextAssembler(tokenizer, options.StopStrings, continues), text, result ?? new GenerationResult(), cache, cancel);
    }

    /// <summary>
    /// <see cref="Text(Tokenizer, string, GenerationOptions, GenerationResult?, CancellationToken)"/> for asynchronous callers:
    /// each piece is computed on the thread pool while the caller's context is free. Nothing is computed ahead of the caller.
    /// </summary>
    public async IAsyncEnumerable<string> TextAsync(Tokenizer tokenizer, string prompt, GenerationOptions options, GenerationResult? result = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        using IEnumerator<string> pieces = Text(tokenizer, prompt, options, result, cancel).GetEnumerator();
        while (await Task.Run(pieces.MoveNext, CancellationToken.None).ConfigureAwait(false)) yield return pieces.Current;
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _tape.Dispose();

    private static void RefuseStopStrings(GenerationOptions options)
    {
        if (options.StopStrings.Count > 0) throw new MokaException("Stop strings: they are found in text, but tokens were asked for; generate text, or use stop tokens.");
    }

    private IEnumerable<string> Pieces(TextAssembler assembler, Continuation text, GenerationResult result, TextCache? cache, CancellationToken cancel)
    {
        foreach (int id in Run(text, result, cache, cancel))
        {
            string piece = assembler.Append(id);
            if (assembler.Stopped) text.End = EndReason.StopString;
            if (piece.Length > 0) yield return piece;
        }
        string rest = assembler.Flush();
        if (assembler.Stopped) result.End = EndReason.StopString;
        if (rest.Length > 0) yield return rest;
    }

    private IEnumerable<int> Run(Continuation text, GenerationResult result, TextCache? kept, CancellationToken cancel)
    {
        result.PromptTokens = text.Tokens.Count;
        text.Seen = result.KeptTokens = text.End is null && kept is not null ? kept.Keep(text.Tokens) : 0;
        using KvCache? own = text.End is null && kept is null ? new KvCache(_model.Config, text.MostSeen) : null;
        Continuation[] one = [text];
        try
        {
            while (text.End is null && !cancel.IsCancellationRequested)
            {
                bool added = Step(one, kept?.Values ?? own!) > 0;
                kept?.Add(CollectionsMarshal.AsSpan(_tokens));
                result.NewTokens = text.Added;
                if (added) yield return text.Tokens[^1];
            }
        }
        finally
        {
            result.End = text.End ?? EndReason.Cancelled;
        }
    }

    /// <summary>
    /// Shows the model up to <see cref="TokensAtOnce"/> tokens of texts that go on, the first ones first, and lets every text
    /// that it has then seen whole take its next token. Text i is text i of the cache. Returns how many took one.
    /// </summary>
    private int Step(ReadOnlySpan<Continuation> texts, KvCache cache)
    {
        _tokens.Clear();
        _starts.Clear();
        _starts.Add(0);
        List<int> members = [], rows = [], whole = [];
        for (int i = 0; i < texts.Length && _tokens.Count < TokensAtOnce; i++)
        {
            Continuation text = texts[i];
            if (text.End is not null) continue;
            int count = Math.Min(text.Tokens.Count - text.Seen, TokensAtOnce - _tokens.Count);
            for (int t = 0; t < count; t++) _tokens.Add(text.Tokens[text.Seen + t]);
            text.Seen += count;
            members.Add(i);
            _starts.Add(_tokens.Count);
            if (text.Seen < text.Tokens.Count) continue;
            whole.Add(i);
            rows.Add(_tokens.Count - 1);
        }
        _tape.Reset();
        Sequences sequences = cache.Continue(CollectionsMarshal.AsSpan(members), _starts.ToArray());
        Tensor states = _model.States(_tape, _tokens.ToArray(), sequences, cache);
        if (rows.Count == 0) return 0;
        Tensor logits = _model.Logits(_tape, states, rows.ToArray());
        int vocabulary = logits.Shape[1], added = 0;
        for (int i = 0; i < whole.Count; i++)
            if (texts[whole[i]].Take(logits.Data.Slice(i * vocabulary, vocabulary))) added++;
        return added;
    }
}
