using MoKA.Native.Llama;
using MoKA.Native.Llama.Chat;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Tests.Llama.Tokenizers;
using MoKA.Native.Tests.Llama.Training;

namespace MoKA.Native.Tests.Llama.Chat;

/// <summary>A conversation gives what the whole prompt would give, computes only what is new, and forgets its oldest turns.</summary>
public sealed class ChatSessionTests
{
    private static readonly Tokenizer Tokenizer = TokenizerFixtures.Small;
    private static readonly ChatTemplate Template = ChatTemplate.ByName("llama-2");
    private static readonly GenerationOptions Options = new() { MaxTokens = 8 };

    [Fact]
    public void ATurnIsWhatTheWholeConversationAsAPromptGives()
    {
        LlamaModel model = Model();
        using ChatSession chat = new(model, Tokenizer, Cpus.Widest, Template, 300) { System = "Lily is sad." };
        List<ChatMessage> said = [new(ChatRole.System, chat.System)];
        foreach (string question in (string[])["One day", "to the park?", "a big ball"])
        {
            said.Add(new ChatMessage(ChatRole.User, question));
            int[] prompt = Template.Encode(Tokenizer, said);
            using Generator generator = new(model, Cpus.Widest);
            string expected = string.Concat(generator.Text(Tokenizer, prompt, Options with { StopTokens = [2] }, continues: false));
            GenerationResult result = new();
            Assert.Equal(expected, string.Concat(chat.Say(question, Options, result)));
            Assert.Equal(prompt.Length, result.PromptTokens);
            // At least everything up to the answer before stays.
            Assert.True(said.Count == 2 ? result.KeptTokens == 0 : result.KeptTokens >= Template.Encode(Tokenizer, said[..^2]).Length - 2, $"{result.KeptTokens} of {prompt.Length} tokens were kept");
            said.Add(new ChatMessage(ChatRole.Assistant, expected.Trim()));
            Assert.Equal(said[1..], chat.Turns);
        }
        chat.Reset();
        Assert.Empty(chat.Turns);
        GenerationResult fresh = new();
        string.Concat(chat.Say("One day", Options, fresh));
        Assert.True(fresh.KeptTokens > 0);
    }

    [Fact]
    public void TheOldestTurnsAreForgottenAndTold()
    {
        using ChatSession chat = new(Model(), Tokenizer, Cpus.Widest, Template, 120) { System = "sad" };
        int dropped = 0;
        for (int turn = 0; turn < 8; turn++)
        {
            GenerationResult result = new();
            string.Concat(chat.Say("the park", Options, result, count => dropped += count));
            Assert.True(result.PromptTokens + Options.MaxTokens <= 120);
            Assert.Equal(2 * (turn + 1) - dropped, chat.Turns.Count);
            Assert.Equal(ChatRole.User, chat.Turns[0].Role);
        }
        Assert.True(dropped > 0);
        Assert.True(chat.Turns.Count > 2);
    }

    [Fact]
    public void WhatIsTooLongAloneIsRefusedAndForgetsNothing()
    {
        using ChatSession chat = new(Model(), Tokenizer, Cpus.Widest, Template, 60);
        string.Concat(chat.Say("One day", Options));
        ChatMessage[] before = [.. chat.Turns];
        ErrorLine.Of(() => chat.Say(string.Concat(Enumerable.Repeat("Lily saw. ", 30)), Options), "context ends at 60");
        Assert.Equal(before, chat.Turns);
        Assert.NotEmpty(string.Concat(chat.Say("One day", Options)));
    }

    [Fact]
    public void AnAnswerThatIsCutShortIsPartOfTheConversation()
    {
        using ChatSession chat = new(Model(), Tokenizer, Cpus.Widest, Template, 200);
        using CancellationTokenSource source = new();
        string shown = "";
        GenerationResult result = new();
        foreach (string piece in chat.Say("One day", new GenerationOptions { MaxTokens = 50 }, result, cancel: source.Token))
        {
            shown += piece;
            if (shown.Length > 4) source.Cancel();
        }
        Assert.Equal(EndReason.Cancelled, result.End);
        Assert.Equal([new(ChatRole.User, "One day"), new(ChatRole.Assistant, shown.Trim())], chat.Turns);
        Assert.NotEmpty(string.Concat(chat.Say("more", Options)));
        Assert.Equal(4, chat.Turns.Count);
    }

    private static LlamaModel Model() => TinyLlama.Create(ToyTasks.Config with { EosTokenIds = [], MaxPositions = 300 }, int4: true);
}
