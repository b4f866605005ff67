using System.Text.Json.Nodes;
using MoKA.Native.Llama.Chat;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Tests.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Chat;

/// <summary>Conversations are written as the models' publishers write them, and a user's text stays text.</summary>
public sealed class ChatTemplateTests
{
    private static readonly ChatMessage[] Conversation =
    [
        new(ChatRole.System, "You are brief."), new(ChatRole.User, "Hello"), new(ChatRole.Assistant, "Hi there"), new(ChatRole.User, "Who are you?"),
    ];

    [Theory]
    [InlineData("llama-2", "[INST] <<SYS>>\nYou are brief.\n<</SYS>>\n\nHello [/INST] Hi there </s><s>[INST] Who are you? [/INST]")]
    [InlineData("llama-3", "<|start_header_id|>system<|end_header_id|>\n\nYou are brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHi there<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nWho are you?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")]
    [InlineData("alpaca", "You are brief.\n\n### Instruction:\nHello\n\n### Response:\nHi there</s>\n\n### Instruction:\nWho are you?\n\n### Response:\n")]
    [InlineData("chatml", "<|im_start|>system\nYou are brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nHi there<|im_end|>\n<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n")]
    [InlineData("zephyr", "<|system|>\nYou are brief.</s>\n<|user|>\nHello</s>\n<|assistant|>\nHi there</s>\n<|user|>\nWho are you?</s>\n<|assistant|>\n")]
    [InlineData("mistral", "[INST] You are brief.\n\nHello [/INST] Hi there</s>[INST] Who are you? [/INST]")]
    public void AConversationWithASystemMessage(string name, string expected) => Assert.Equal(expected, Text(name, Conversation));

    [Theory]
    [InlineData("llama-2", "[INST] Hello [/INST]")]
    [InlineData("llama-3", "<|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")]
    [InlineData("alpaca", "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\nHello\n\n### Response:\n")]
    [InlineData("chatml", "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n")]
    [InlineData("zephyr", "<|user|>\nHello</s>\n<|assistant|>\n")]
    [InlineData("mistral", "[INST] Hello [/INST]")]
    public void AFirstQuestionAlone(string name, string expected) => Assert.Equal(expected, Text(name, Conversation[1]));

    [Theory]
    [InlineData("llama-2", "[INST] Hello [/INST] Hi there </s>")]
    [InlineData("llama-3", "<|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHi there<|eot_id|>")]
    [InlineData("chatml", "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nHi there<|im_end|>\n")]
    [InlineData("zephyr", "<|user|>\nHello</s>\n<|assistant|>\nHi there</s>\n")]
    [InlineData("mistral", "[INST] Hello [/INST] Hi there</s>")]
    public void AnAnsweredConversationAsksForNothing(string name, string expected) => Assert.Equal(expected, Text(name, Conversation[1], Conversation[2]));

    [Theory]
    [InlineData("llama-2", "[INST] a [/INST] b </s>")]
    [InlineData("llama-3", "<|start_header_id|>user<|end_header_id|>\n\na<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nb<|eot_id|>")]
    [InlineData("chatml", "<|im_start|>user\n a\n<|im_end|>\n<|im_start|>assistant\n  b <|im_end|>\n")]
    public void WhiteSpaceAtTheEndsStaysOnlyWhereThePublisherKeepsIt(string name, string expected) =>
        Assert.Equal(expected, Text(name, new ChatMessage(ChatRole.User, " a\n"), new ChatMessage(ChatRole.Assistant, "  b ")));

    [Fact]
    public void MarksThatAUserTypesAreText()
    {
        Tokenizer tokenizer = WithSpecials;
        const string typed = "a </s> <|eot_id|> <|im_start|> <s> b";
        foreach (ChatTemplate template in ChatTemplate.All)
        {
            int[] plain = template.Encode(tokenizer, [new(ChatRole.User, "a b")]), ids = template.Encode(tokenizer, [new(ChatRole.User, typed)]);
            int[] controls = [0, 1, 2, .. Names.Select(name => tokenizer.TryGetId(name, out int id) ? id : -1)];
            Assert.Equal(plain.Where(controls.Contains), ids.Where(controls.Contains));
            Assert.Contains(typed, tokenizer.Decode(ids), StringComparison.Ordinal);
            Assert.Equal(1, ids[0]);
            Assert.Equal(1, ids.Count(id => id == 1));
        }
    }

    [Fact]
    public void IdsAreTheSpecialTokensAndTheTextsBetweenThem()
    {
        Tokenizer tokenizer = WithSpecials;
        int Id(string name) => tokenizer.TryGetId(name, out int id) ? id : throw new InvalidOperationException(name);
        int[] expected =
        [
            1, Id("<|start_header_id|>"), .. tokenizer.Encode("user"), Id("<|end_header_id|>"), .. tokenizer.Encode("\n\nHello"), Id("<|eot_id|>"),
            Id("<|start_header_id|>"), .. tokenizer.Encode("assistant"), Id("<|end_header_id|>"), .. tokenizer.Encode("\n\n"),
        ];
        Assert.Equal(expected, ChatTemplate.ByName("llama-3").Encode(tokenizer, [Conversation[1]]));
        // LLaMA-2 opens a text for each pair of turns, and text beside text is one.
        Assert.Equal(
            [1, .. tokenizer.Encode("[INST] Hello [/INST] Hi there "), 2, 1, .. tokenizer.Encode("[INST] Who are you? [/INST]")],
            ChatTemplate.ByName("llama-2").Encode(tokenizer, Conversation[1..]));
    }

    [Fact]
    public void SpecialTokensThatAVocabularyLacksAreText()
    {
        Tokenizer tokenizer = TokenizerFixtures.Small;
        ChatTemplate template = ChatTemplate.ByName("chatml");
        Assert.Equal([1, .. tokenizer.Encode("<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n")], template.Encode(tokenizer, [Conversation[1]]));
    }

    [Fact]
    public void TheEndsOfAnswersAreIdsWhereTheVocabularyHasThem()
    {
        GenerationOptions options = new() { StopTokens = [7], StopStrings = ["stop"] };
        GenerationOptions with = ChatTemplate.ByName("chatml").EndingAnswers(options, WithSpecials);
        Assert.True(WithSpecials.TryGetId("<|im_end|>", out int end));
        Assert.Equal([7, end], with.StopTokens);
        Assert.Equal(["stop"], with.StopStrings);
        GenerationOptions without = ChatTemplate.ByName("chatml").EndingAnswers(options, TokenizerFixtures.Small);
        Assert.Equal([7], without.StopTokens);
        Assert.Equal(["stop", "<|im_end|>"], without.StopStrings);
        Assert.Equal([7, 2], ChatTemplate.ByName("llama-2").EndingAnswers(options, TokenizerFixtures.Small).StopTokens);
        Assert.Equal("<|eot_id|>", ChatTemplate.ByName("llama-3").Ends[0]);
    }

    [Theory]
    [InlineData("llama-2", "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}")]
    [InlineData("llama-3", "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}")]
    [InlineData("chatml", "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}")]
    [InlineData("zephyr", "{% if message['role'] == 'user' %}{{ '<|user|>\\n' + message['content'] + eos_token }}{% elif message['role'] == 'assistant' %}{{ '<|assistant|>\\n' + message['content'] + eos_token }}")]
    [InlineData("mistral", "{{ bos_token }}{{ '[INST] ' + message['content'] + ' [/INST]' }}{{ message['content'] + eos_token}}")]
    [InlineData("alpaca", "{{ '### Instruction:\\n' + message['content'] + '\\n\\n### Response:\\n' }}")]
    [InlineData(null, "{{ '[INST] ' }}{{ '[AVAILABLE_TOOLS] [' }}")]
    [InlineData(null, "{{'<|user|>' + '\\n' + message['content'] + '<|end|>' + '\\n' + '<|assistant|>' + '\\n'}}")]
    [InlineData(null, "{{ '### Instruction:\\n' }}{{ '### Response:\\n' + message['content'] + '\\n<|EOT|>\\n' }}")]
    [InlineData(null, "{{ '<start_of_turn>' + role + '\\n' }}")]
    [InlineData(null, "")]
    public void AModelsOwnTemplateIsToldByItsMarks(string? name, string jinja) => Assert.Equal(name, ChatTemplate.Recognise(jinja)?.Name);

    [Fact]
    public void AnUnknownNameAndRolesOutOfTurnAreRefused()
    {
        ErrorLine.Of(() => ChatTemplate.ByName("vicuna"), "llama-2", "mistral", "'vicuna'");
        ChatTemplate template = ChatTemplate.ByName("chatml");
        ErrorLine.Of(() => template.Render([]), "at least one");
        ErrorLine.Of(() => template.Render([Conversation[0]]), "at least one");
        ErrorLine.Of(() => template.Render([Conversation[1], Conversation[1]]), "message 2", "Assistant");
        ErrorLine.Of(() => template.Render([Conversation[1], Conversation[0]]), "message 2", "System");
        ErrorLine.Of(() => template.Render([Conversation[2]]), "message 1", "User");
    }

    private static readonly string[] Names = ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|im_start|>", "<|im_end|>"];

    /// <summary>A small vocabulary with the special tokens of others added.</summary>
    private static Tokenizer WithSpecials { get; } = AddSpecials(TokenizerFixtures.Small);

    private static Tokenizer AddSpecials(Tokenizer tokenizer)
    {
        using TempFolder folder = new();
        TokenizerJson.Save(tokenizer, folder.Path);
        string path = folder.File(TokenizerJson.FileName);
        JsonNode json = JsonNode.Parse(File.ReadAllText(path))!;
        for (int i = 0; i < Names.Length; i++) json["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = tokenizer.VocabularySize + i, ["content"] = Names[i], ["special"] = true });
        File.WriteAllText(path, json.ToJsonString());
        return TokenizerJson.Load(path);
    }

    private static string Text(string name, params ChatMessage[] messages) => string.Concat(ChatTemplate.ByName(name).Render(messages).Select(segment => segment.Text));
}
