namespace MoKA.Native.Llama.Chat;

/// <summary>"mistral": Mistral-7B-Instruct, versions 0.1 and 0.2, whose marks are plain text. A system message leads the first question.</summary>
internal sealed class MistralTemplate() : ChatTemplate("mistral", EndOfText)
{
    private protected override void Write(ChatWriter writer, string? system, ReadOnlySpan<ChatMessage> turns)
    {
        for (int i = 0; i < turns.Length; i++)
        {
            string content = turns[i].Content;
            if (turns[i].Role == ChatRole.Assistant) writer.Text($" {content}").Special(EndOfText);
            else writer.Text($"[INST] {(i == 0 && system is not null ? $"{system}\n\n" : "")}{content} [/INST]");
        }
    }

    // Later versions have special tokens for the marks, and tools.
    private protected override bool IsDescribedBy(Func<string, bool> has) => has("[INST]") && !has("<<SYS>>") && !has("[AVAILABLE_TOOLS]");
}
