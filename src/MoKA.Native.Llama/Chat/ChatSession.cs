using System.Text;
using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Chat;

/// <summary>
/// A conversation with a model. Keys and values stay between turns, so a turn computes only what is new. When the conversation
/// outgrows its room, the oldest turns are forgotten; the system message stays.
/// </summary>
public sealed class ChatSession : IDisposable
{
    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate _template;
    private readonly Generator _generator;
    private readonly TextCache _cache;
    private readonly List<ChatMessage> _turns = [];

    /// <summary>Opens an empty conversation.</summary>
    /// <param name="model">The model, with or without an adapter on it.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="cpu">What to compute on; stays the caller's.</param>
    /// <param name="template">How the model wants conversations written.</param>
    /// <param name="context">The most tokens of a conversation, at most the model's positions.</param>
    /// <exception cref="MokaException">The context is out of range.</exception>
    public ChatSession(LlamaModel model, Tokenizer tokenizer, Cpu cpu, ChatTemplate template, int context)
    {
        (_tokenizer, _template) = (tokenizer, template);
        _cache = new TextCache(model.Config, context);
        _generator = new Generator(model, cpu);
    }

    /// <summary>What sets the scene, or null. Changing it forgets nothing that was said.</summary>
    public string? System { get; set; }

    /// <summary>What was said, without the system message.</summary>
    public IReadOnlyList<ChatMessage> Turns => _turns;

    /// <summary>Forgets what was said; the system message stays.</summary>
    public void Reset() => _turns.Clear();

    /// <summary>
    /// Says something and gives the answer in pieces as it comes. Both become part of the conversation when the pieces end or
    /// are left, the answer whole or cut short.
    /// </summary>
    /// <param name="text">What the user says.</param>
    /// <param name="options">How to choose tokens; the template's own ends are added.</param>
    /// <param name="result">Filled while the answer comes; says at the end why there is no more.</param>
    /// <param name="forgotten">Told how many turns were forgotten to make room, if any were.</param>
    /// <param name="cancel">Ends the answer, without an exception.</param>
    /// <exception cref="MokaException">An option is out of range, or what is said is too long even alone; nothing is then part of the conversation.</exception>
    public IEnumerable<string> Say(string text, GenerationOptions options, GenerationResult? result = null, Action<int>? forgotten = null, CancellationToken cancel = default)
    {
        ChatMessage question = new(ChatRole.User, text);
        int[] prompt = Fit(question, options, out int drop);
        IEnumerable<string> answer = _generator.Text(_tokenizer, prompt, _template.EndingAnswers(options, _tokenizer), result, _cache, continues: false, cancel);
        _turns.RemoveRange(0, drop);
        if (drop > 0) forgotten?.Invoke(drop);
        return Answer(question, answer);
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _generator.Dispose();
        _cache.Dispose();
    }

    private IEnumerable<string> Answer(ChatMessage question, IEnumerable<string> pieces)
    {
        StringBuilder whole = new();
        try
        {
            foreach (string piece in pieces)
            {
                whole.Append(piece);
                yield return piece;
            }
        }
        finally
        {
            _turns.AddRange([question, new ChatMessage(ChatRole.Assistant, whole.ToString().Trim())]);
        }
    }

    /// <summary>The prompt after as few forgotten turns as leave room for an answer, a quarter of the context unless fewer tokens are asked for.</summary>
    private int[] Fit(ChatMessage question, GenerationOptions options, out int drop)
    {
        int room = Math.Min(options.MaxTokens, _cache.Capacity / 4);
        for (drop = 0; ; drop += 2)
        {
            ChatMessage[] opening = System is null ? [] : [new(ChatRole.System, System)];
            int[] prompt = _template.Encode(_tokenizer, [.. opening, .. _turns.Skip(drop), question]);
            if (prompt.Length + room <= _cache.Capacity || drop >= _turns.Count) return prompt;
        }
    }
}
