namespace MoKA.Native.Llama.Chat;

/// <summary>"llama-2": LLaMA-2-Chat. The marks are plain text; each pair of turns is a text of its own between &lt;s&gt; and &lt;/s&gt;.</summary>
internal sealed class Llama2Template() : ChatTemplate("llama-2", EndOfText)
{
    private protected override void Write(ChatWriter writer, string? system, ReadOnlySpan<ChatMessage> turns)
    {
        for (int i = 0; i < turns.Length; i++)
        {
            string content = turns[i].Content;
            if (turns[i].Role == ChatRole.Assistant)
            {
                writer.Text($" {content.Trim()} ").Special(EndOfText);
                continue;
            }
            if (i == 0 && system is not null) content = $"<<SYS>>\n{system}\n<</SYS>>\n\n{content}";
            if (i > 0) writer.Special("<s>");
            writer.Text($"[INST] {content.Trim()} [/INST]");
        }
    }

    private protected override bool IsDescribedBy(Func<string, bool> has) => has("[INST]") && has("<<SYS>>");
}
