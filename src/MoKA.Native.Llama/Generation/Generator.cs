using MoKA.Native.Autograd;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Generation;

/// <summary>
/// Continues a text one token at a time with a cache of keys and values. The logits of each step have the same bits as a
/// forward pass over the whole text.
/// </summary>
public sealed class Generator : IDisposable
{
    private readonly LlamaModel _model;
    private readonly Tape _tape;

    /// <summary>A generator for a model, with or without adapters on it.</summary>
    public Generator(LlamaModel model, Cpu cpu) => (_model, _tape) = (model, new Tape(cpu, gradients: false));

    /// <summary>The new tokens as they come, without the prompt and without the token that ends the text.</summary>
    /// <param name="prompt">At least one token, the opening token included.</param>
    /// <param name="options">How to choose and when to stop.</param>
    public IEnumerable<int> Tokens(int[] prompt, GenerationOptions options)
    {
        if (prompt.Length == 0) throw new MokaException("Prompt: there must be at least one token; give some text.");
        Sampler sampler = new(options);
        int room = _model.Config.MaxPositions - prompt.Length;
        if (room < 0) throw new MokaException($"Prompt: it has {prompt.Length} tokens, but the model's positions end at {_model.Config.MaxPositions}; shorten it.");
        return Run(prompt, sampler, Math.Min(options.MaxTokens, room));
    }

    /// <summary>The new text in pieces as it comes; no piece breaks a character in two.</summary>
    public IEnumerable<string> Text(Tokenizer tokenizer, string prompt, GenerationOptions options)
    {
        TokenStream stream = new(tokenizer, continues: true);
        foreach (int id in Tokens(tokenizer.Encode(prompt, addBos: true), options))
        {
            string piece = stream.Append(id);
            if (piece.Length > 0) yield return piece;
        }
        string rest = stream.Flush();
        if (rest.Length > 0) yield return rest;
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _tape.Dispose();

    private IEnumerable<int> Run(int[] prompt, Sampler sampler, int count)
    {
        if (count == 0) yield break;
        using KvCache cache = new(_model.Config, prompt.Length + count);
        int[] next = prompt;
        for (int draw = 0; draw < count; draw++)
        {
            int id = sampler.Next(LastLogits(next, cache), draw);
            if (_model.Config.EosTokenIds.Contains(id)) yield break;
            yield return id;
            next = [id];
        }
    }

    private ReadOnlySpan<float> LastLogits(int[] tokens, KvCache cache)
    {
        _tape.Reset();
        Sequences sequence = new(new[] { 0, tokens.Length }, cache.Length);
        Tensor states = _model.States(_tape, tokens, sequence, cache);
        return _model.Logits(_tape, states, new[] { tokens.Length - 1 }).Data;
    }
}
