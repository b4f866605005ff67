namespace MoKA.Native.Llama.Chat;

/// <summary>"zephyr": Zephyr and TinyLlama-Chat. The names of roles are plain text; a message ends like a text.</summary>
internal sealed class ZephyrTemplate() : ChatTemplate("zephyr", EndOfText)
{
    private protected override void Write(ChatWriter writer, string? system, ReadOnlySpan<ChatMessage> turns)
    {
        if (system is not null) Message(writer, "system", system);
        foreach (ChatMessage turn in turns) Message(writer, turn.Role == ChatRole.User ? "user" : "assistant", turn.Content);
        if (turns[^1].Role == ChatRole.User) writer.Text("<|assistant|>\n");
    }

    // Phi-3 writes the same names but ends with <|end|>; GLM and others do not end messages.
    private protected override bool IsDescribedBy(Func<string, bool> has) => has("<|user|>") && has("<|assistant|>") && (has("eos_token") || has(EndOfText)) && !has("<|end|>");

    private static void Message(ChatWriter writer, string role, string content) => writer.Text($"<|{role}|>\n{content}").Special(EndOfText).Text("\n");
}
