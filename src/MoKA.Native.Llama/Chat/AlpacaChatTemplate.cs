using MoKA.Native.Llama.Data;

namespace MoKA.Native.Llama.Chat;

/// <summary>
/// "alpaca": Stanford Alpaca's instructions one after another, each answer ended like a text. The first is
/// <see cref="AlpacaTemplate.Alpaca"/>'s prompt; a system message takes the place of its opening sentence.
/// </summary>
internal sealed class AlpacaChatTemplate() : ChatTemplate("alpaca", EndOfText)
{
    private protected override void Write(ChatWriter writer, string? system, ReadOnlySpan<ChatMessage> turns)
    {
        for (int i = 0; i < turns.Length; i++)
        {
            if (turns[i].Role == ChatRole.Assistant)
            {
                writer.Text(turns[i].Content).Special(EndOfText);
                continue;
            }
            if (i > 0) writer.Text("\n\n");
            else if (system is not null) writer.Text($"{system}\n\n");
            AlpacaTemplate wording = i == 0 && system is null ? AlpacaTemplate.Alpaca : AlpacaTemplate.Short;
            writer.Text(wording.Prompt(new AlpacaRecord(turns[i].Content, "", "")));
        }
    }

    private protected override bool IsDescribedBy(Func<string, bool> has) => has("### Instruction:") && has("### Response:") && !has("<|EOT|>");
}
