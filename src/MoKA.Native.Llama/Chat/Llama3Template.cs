namespace MoKA.Native.Llama.Chat;

/// <summary>"llama-3": the Instruct models of LLaMA-3 to 3.3. Every message has a header of special tokens and ends with one.</summary>
internal sealed class Llama3Template() : ChatTemplate("llama-3", EndOfTurn, "<|end_of_text|>", "<|eom_id|>")
{
    private const string EndOfTurn = "<|eot_id|>";

    private protected override void Write(ChatWriter writer, string? system, ReadOnlySpan<ChatMessage> turns)
    {
        if (system is not null) Header(writer, "system").Text(system.Trim()).Special(EndOfTurn);
        foreach (ChatMessage turn in turns) Header(writer, turn.Role == ChatRole.User ? "user" : "assistant").Text(turn.Content.Trim()).Special(EndOfTurn);
        if (turns[^1].Role == ChatRole.User) Header(writer, "assistant");
    }

    private protected override bool IsDescribedBy(Func<string, bool> has) => has("<|start_header_id|>");

    private static ChatWriter Header(ChatWriter writer, string role) => writer.Special("<|start_header_id|>").Text(role).Special("<|end_header_id|>").Text("\n\n");
}
