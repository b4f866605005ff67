using System.Text;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

public class TokenizerConfigJsonTests
{
    [Fact]
    public void EveryValueMayBeAbsent()
    {
        foreach (string json in (string[])["{}", """{"bos_token": null, "eos_token": 7, "add_bos_token": "yes", "legacy": [], "chat_template": 1}""", """{"chat_template": []}""", """{"chat_template": [1, {"name": "x"}]}"""])
        {
            TokenizerConfigJson config = Parse(json);
            Assert.Equal((null, null, null, null, null), (config.BosToken, config.EosToken, config.AddBosToken, config.Legacy, config.ChatTemplate));
        }
    }

    [Fact]
    public void TokensAreStringsOrObjects()
    {
        TokenizerConfigJson config = Parse("""{"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "add_bos_token": true, "legacy": false}""");
        Assert.Equal(("<s>", "</s>", true, false), (config.BosToken, config.EosToken, config.AddBosToken, config.Legacy));
    }

    [Theory]
    [InlineData("\"{{ x }}\"", "{{ x }}")]
    [InlineData("""[{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]""", "D")]
    [InlineData("""[{"name": "rag", "template": "R"}, {"name": "tool_use", "template": "T"}]""", "R")]
    public void TheTemplateIsTextOrTheDefaultOfSeveral(string value, string template) => Assert.Equal(template, Parse($$"""{"chat_template": {{value}}}""").ChatTemplate);

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("""{"legacy": true, "legacy": false}""")]
    [InlineData("""{"bos_token": "\ud800"}""")]
    public void ADamagedFileIsRefused(string json) => Assert.StartsWith("test.json: ", ErrorLine.Of(() => Parse(json)));

    [Fact]
    public void AHugeOrAbsentFileIsNotRead()
    {
        using TempFolder folder = new();
        Assert.Null(TokenizerConfigJson.Beside(folder.Path));
        string path = folder.File(TokenizerConfigJson.FileName);
        ErrorLine.Of(() => TokenizerConfigJson.Read(path), path);
        using (FileStream stream = File.Create(path)) stream.SetLength(17 << 20);
        ErrorLine.Of(() => TokenizerConfigJson.Beside(folder.Path), path, "16777216");
    }

    [SkippableFact]
    public void Llama31IsRead()
    {
        TokenizerConfigJson config = TokenizerConfigJson.Read(Fixtures.Require("tokenizers/llama3.1_tokenizer_config.json"));
        Assert.Equal(("<|begin_of_text|>", "<|eot_id|>"), (config.BosToken, config.EosToken));
        Assert.StartsWith("{% set loop_messages", config.ChatTemplate);
    }

    private static TokenizerConfigJson Parse(string json) => TokenizerConfigJson.Parse(Encoding.UTF8.GetBytes(json), "test.json");
}
