namespace MoKA.Native.Llama.Chat;

/// <summary>"chatml": OpenAI's Chat Markup Language, which many fine-tuned models use.</summary>
internal sealed class ChatMlTemplate() : ChatTemplate("chatml", End)
{
    private const string Start = "<|im_start|>", End = "<|im_end|>";

    private protected override void Write(ChatWriter writer, string? system, ReadOnlySpan<ChatMessage> turns)
    {
        if (system is not null) Message(writer, "system", system);
        foreach (ChatMessage turn in turns) Message(writer, turn.Role == ChatRole.User ? "user" : "assistant", turn.Content);
        if (turns[^1].Role == ChatRole.User) writer.Special(Start).Text("assistant\n");
    }

    private protected override bool IsDescribedBy(Func<string, bool> has) => has(Start);

    private static void Message(ChatWriter writer, string role, string content) => writer.Special(Start).Text($"{role}\n{content}").Special(End).Text("\n");
}
