using System.Runtime.InteropServices;
using MoKA.Native.Diagnostics;

namespace MoKA.Native.Llama.Generation;

/// <summary>One text on its way: its tokens, how many of them the model has seen, and whether it goes on.</summary>
internal sealed class Continuation
{
    private readonly Sampler _sampler;
    private readonly LlamaConfig _config;
    private readonly GenerationOptions _options;
    private readonly List<int> _tokens;
    private readonly int _prompt;
    private readonly int _positions;

    /// <param name="config">The model's sizes and end tokens.</param>
    /// <param name="prompt">At least one token.</param>
    /// <param name="options">How to choose and when to stop.</param>
    /// <param name="positions">The most tokens that the text may have, the prompt included.</param>
    /// <param name="name">How an error calls the prompt.</param>
    public Continuation(LlamaConfig config, IReadOnlyList<int> prompt, GenerationOptions options, int positions, string name = "Prompt")
    {
        _sampler = new Sampler(options);
        if (prompt.Count == 0) throw new MokaException($"{name}: there must be at least one token; give some text.");
        string limit = positions < config.MaxPositions ? "context ends" : "model's positions end";
        if (prompt.Count > positions) throw new MokaException($"{name}: it has {prompt.Count} tokens, but the {limit} at {positions}; shorten it.");
        (_config, _options, _positions, _prompt, _tokens) = (config, options, positions, prompt.Count, [.. prompt]);
        End = Limit();
    }

    /// <summary>All tokens so far, the prompt's included.</summary>
    public IReadOnlyList<int> Tokens => _tokens;

    /// <summary>How many tokens have been added.</summary>
    public int Added => _tokens.Count - _prompt;

    /// <summary>How many tokens the model has seen.</summary>
    public int Seen { get; set; }

    /// <summary>Why the text ended; null while it goes on.</summary>
    public EndReason? End { get; set; }

    /// <summary>The most tokens that the model will see: the last one is never shown to it.</summary>
    public int MostSeen => Math.Max(1, (int)Math.Min(_positions, (long)_prompt + _options.MaxTokens) - 1);

    /// <summary>Chooses the next token from the logits after the last one; false when the text ends without one.</summary>
    public bool Take(ReadOnlySpan<float> logits)
    {
        int id = _sampler.Next(logits, Added, CollectionsMarshal.AsSpan(_tokens));
        if (_config.EosTokenIds.Contains(id) || _options.StopTokens.Contains(id))
        {
            End = EndReason.EndToken;
            return false;
        }
        _tokens.Add(id);
        End = Limit();
        return true;
    }

    private EndReason? Limit() => Added >= _options.MaxTokens ? EndReason.MaxTokens : _tokens.Count >= _positions ? EndReason.ContextFull : null;
}
