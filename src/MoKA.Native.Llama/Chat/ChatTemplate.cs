using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Llama.Chat;

/// <summary>
/// How a model that was tuned to talk wants a conversation written. A template renders special tokens and plain text apart,
/// so that what a user types is never read as a mark of the template's.
/// </summary>
/// <remarks>A special token that the vocabulary does not have is written as text.</remarks>
public abstract class ChatTemplate
{
    /// <summary>The token that ends a text in LLaMA-2's vocabulary. Other vocabularies call it otherwise.</summary>
    internal const string EndOfText = "</s>";

    private static readonly string[] OtherEndsOfText = ["<|end_of_text|>", "<|endoftext|>"];

    private protected ChatTemplate(string name, params string[] ends) => (Name, Ends) = (name, ends);

    /// <summary>Every template.</summary>
    public static IReadOnlyList<ChatTemplate> All { get; } = [new Llama2Template(), new Llama3Template(), new AlpacaChatTemplate(), new ChatMlTemplate(), new ZephyrTemplate(), new MistralTemplate()];

    /// <summary>The name that <see cref="ByName"/> finds.</summary>
    public string Name { get; }

    /// <summary>The special tokens that end an answer.</summary>
    public IReadOnlyList<string> Ends { get; }

    /// <summary>The template of a name.</summary>
    /// <exception cref="MokaException">There is no such template.</exception>
    public static ChatTemplate ByName(string name) => All.FirstOrDefault(template => template.Name == name)
        ?? throw new MokaException($"ChatTemplate: the template must be {string.Join(" or ", All.Select(template => template.Name))}, got {Quoted.Name(name)}.");

    /// <summary>Which template a model's own Jinja template describes, told by its marks; null when it is none of these.</summary>
    /// <param name="jinja">The model's <c>chat_template</c>.</param>
    public static ChatTemplate? Recognise(string jinja) => All.FirstOrDefault(template => template.IsDescribedBy(text => jinja.Contains(text, StringComparison.Ordinal)));

    /// <summary>
    /// The conversation as segments, without the token that opens a text. When the last message is not the assistant's, the
    /// segments end where its answer begins.
    /// </summary>
    /// <exception cref="MokaException">There is no message, or roles do not take turns: an optional system message, then user and assistant alternating.</exception>
    public IReadOnlyList<ChatSegment> Render(IReadOnlyList<ChatMessage> messages)
    {
        CheckTurns(messages);
        ChatWriter writer = new();
        string? system = messages[0].Role == ChatRole.System ? messages[0].Content : null;
        ChatMessage[] turns = [.. messages.Skip(system is null ? 0 : 1)];
        Write(writer, system, turns);
        return writer.Segments;
    }

    /// <summary>The ids of a conversation, with the token that opens a text exactly once, in front, if the vocabulary has one.</summary>
    /// <exception cref="MokaException">The roles do not take turns.</exception>
    public int[] Encode(Tokenizer tokenizer, IReadOnlyList<ChatMessage> messages)
    {
        List<int> ids = [.. tokenizer.Encode("", addBos: true)];
        string text = "";
        foreach (ChatSegment segment in Render(messages))
        {
            if (!segment.Special || Id(tokenizer, segment.Text) is not int id)
            {
                text += segment.Text;
                continue;
            }
            ids.AddRange(tokenizer.Encode(text));
            ids.Add(id);
            text = "";
        }
        ids.AddRange(tokenizer.Encode(text));
        return [.. ids];
    }

    /// <summary>The options with the ends of this template's answers added: ids where the vocabulary has them, else texts.</summary>
    public GenerationOptions EndingAnswers(GenerationOptions options, Tokenizer tokenizer)
    {
        int?[] ids = [.. Ends.Select(end => Id(tokenizer, end))];
        return options with
        {
            StopTokens = [.. options.StopTokens, .. ids.OfType<int>()],
            StopStrings = [.. options.StopStrings, .. Ends.Where((_, i) => ids[i] is null)],
        };
    }

    /// <summary>Writes an optional system message and turns that begin with the user's.</summary>
    private protected abstract void Write(ChatWriter writer, string? system, ReadOnlySpan<ChatMessage> turns);

    /// <summary>Whether a Jinja template with these texts in it is this one.</summary>
    private protected abstract bool IsDescribedBy(Func<string, bool> has);

    private static int? Id(Tokenizer tokenizer, string special)
    {
        if (tokenizer.TryGetId(special, out int id)) return id;
        if (special == EndOfText)
            foreach (string other in OtherEndsOfText)
                if (tokenizer.TryGetId(other, out id)) return id;
        return null;
    }

    private static void CheckTurns(IReadOnlyList<ChatMessage> messages)
    {
        int first = messages.Count > 0 && messages[0].Role == ChatRole.System ? 1 : 0;
        if (messages.Count == first) throw new MokaException($"Chat: there must be at least one message of the user's, got {messages.Count} messages.");
        for (int i = first; i < messages.Count; i++)
        {
            ChatRole expected = (i - first) % 2 == 0 ? ChatRole.User : ChatRole.Assistant;
            if (messages[i].Role != expected) throw new MokaException($"Chat: after an optional system message, user and assistant take turns; message {i + 1} must be the {expected}'s, got the {messages[i].Role}'s.");
        }
    }
}
