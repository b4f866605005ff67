using System.Text;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

/// <summary>Every kind of file is told by its content, and what is damaged or of another kind is refused by name.</summary>
public sealed class TokenizerFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TheContentDecidesNotTheName()
    {
        Assert.Equal([3, 6, 7], Load(TokenizerFiles.Model(TokenizerFiles.FewPieces)).Encode("ab a"));
        Assert.Equal([256, 257], Load(TokenizerFiles.Ranks("ab", " ab")).Encode("ab ab"));
        Assert.Equal([259, 262, 259, 262], Load(TokenizerFiles.Llama2c(" ", "a", "b", "ab")).Encode("ab ab"));
        Assert.IsType<ByteLevelTokenizer>(Load(Encoding.UTF8.GetBytes("\uFEFF \n" + TokenizerFiles.ByteLevelJson(["a b"]))));
    }

    [Fact]
    public void AFolderGivesTheFirstOfItsFiles()
    {
        ErrorLine.Of(() => TokenizerFile.Load(_folder.Path), _folder.Path, "tokenizer.json or tokenizer.model or tokenizer.bin");
        _folder.File("tokenizer.bin", TokenizerFiles.Llama2c("a"));
        Assert.Equal(260, TokenizerFile.Load(_folder.Path).VocabularySize);
        _folder.File("tokenizer.model", TokenizerFiles.Ranks("ab"));
        Assert.Equal(257 + 256, TokenizerFile.Load(_folder.Path).VocabularySize);
        _folder.File("tokenizer.json", Encoding.UTF8.GetBytes(TokenizerFiles.ByteLevelJson(["a b", "ab ab"])));
        Assert.Equal(258, TokenizerFile.Load(_folder.Path).VocabularySize);
        Assert.Equal(_folder.File("tokenizer.json"), TokenizerFile.Find(_folder.Path));
    }

    [Fact]
    public void TheConfigurationNamesBosAndEosAndSaysWhetherItIsLegacy()
    {
        string model = _folder.File("tokenizer.model", TokenizerFiles.Model([.. TokenizerFiles.FewPieces, ("<end>", 0f, 3)]));
        Assert.Equal((1, 2), (TokenizerFile.Load(model).BosId, TokenizerFile.Load(model).EosId));
        Assert.Equal([7, 2, 7], TokenizerFile.Load(model).Encode("a</s>a", parseSpecial: true));
        _folder.File("tokenizer_config.json", "{\"eos_token\": {\"content\": \"<end>\"}, \"bos_token\": \"<none>\", \"legacy\": false}"u8.ToArray());
        Assert.Equal((1, 8), (TokenizerFile.Load(model).BosId, TokenizerFile.Load(model).EosId));
        Assert.Equal([7, 2, 4], TokenizerFile.Load(model).Encode("a</s>a", parseSpecial: true));

        string added = string.Join(", ", TokenizerFiles.AddedToken(257, "<s>", true), TokenizerFiles.AddedToken(258, "<end>", true));
        string json = _folder.File("tokenizer.json", Encoding.UTF8.GetBytes(TokenizerFiles.ByteLevelJson(["a b"], added: added)));
        Assert.Equal((257, 258), (TokenizerJson.Load(json).BosId, TokenizerJson.Load(_folder.Path).EosId));

        _folder.File("tokenizer_config.json", "{\"eos_token\": \"<|eot_id|>\"}"u8.ToArray());
        string ranks = _folder.File("ranks", TokenizerFiles.Ranks("ab"));
        Assert.Equal((257, 266), (TokenizerFile.Load(ranks).BosId, TokenizerFile.Load(ranks).EosId));
    }

    [Fact]
    public void ThePostProcessorMayNameBos()
    {
        string template = """{"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<go>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]}]}""";
        string json = TokenizerFiles.ByteLevelJson(["a b"], added: TokenizerFiles.AddedToken(257, "<go>", true)).Replace("\"normalizer\"", $"\"post_processor\": {template}, \"normalizer\"");
        Tokenizer tokenizer = TokenizerJson.Parse(Encoding.UTF8.GetBytes(json), "test.json");
        Assert.Equal((257, null), (tokenizer.BosId, tokenizer.EosId));
        Assert.Equal([256], tokenizer.Encode("ab"));
    }

    [Fact]
    public void RanksHaveLlama3SpecialTokens()
    {
        Tokenizer tokenizer = Load(TokenizerFiles.Ranks());
        Assert.Equal(512, tokenizer.VocabularySize);
        foreach ((int offset, string name) in ((int, string)[])[
            (0, "<|begin_of_text|>"), (1, "<|end_of_text|>"), (2, "<|reserved_special_token_0|>"), (5, "<|reserved_special_token_3|>"), (6, "<|start_header_id|>"), (7, "<|end_header_id|>"),
            (8, "<|reserved_special_token_4|>"), (9, "<|eot_id|>"), (10, "<|reserved_special_token_5|>"), (255, "<|reserved_special_token_250|>")])
        {
            Assert.Equal(name, tokenizer.Piece(256 + offset));
            Assert.Equal([256 + offset], tokenizer.Encode(name, parseSpecial: true));
        }
    }

    [Fact]
    public void TheCountOfABinIsCheckedWhereItIsKnown()
    {
        string path = _folder.File("tokenizer.bin", TokenizerFiles.Llama2c("a", "b"));
        Assert.Equal(261, TokenizerFile.Load(path, 261).VocabularySize);
        ErrorLine.Of(() => TokenizerFile.Load(path, 32_000), path, "32000", "261");
    }

    [Fact]
    public void OtherSentencePieceModelsAreRefusedByName()
    {
        Refused(TokenizerFiles.Model(TokenizerFiles.FewPieces, trainer: TokenizerFiles.Field(3, 1)), "model_type", "unigram");
        Refused(TokenizerFiles.Model(TokenizerFiles.FewPieces, trainer: []), "model_type", "unigram");
        Refused(TokenizerFiles.Model(TokenizerFiles.FewPieces, trainer: [.. TokenizerFiles.Field(3, 2), .. TokenizerFiles.Field(24, 1)]), "treat_whitespace_as_suffix");
        Refused(TokenizerFiles.Model(TokenizerFiles.FewPieces, normalizer: [.. TokenizerFiles.Field(1, "nmt_nfkc"), .. TokenizerFiles.Field(2, "map")]), "identity", "'nmt_nfkc'");
        Refused(TokenizerFiles.Model(TokenizerFiles.FewPieces, normalizer: []), "remove_extra_whitespaces");
        Refused(TokenizerFiles.Model(TokenizerFiles.FewPieces, normalizer: [.. TokenizerFiles.Field(4, 0), .. TokenizerFiles.Field(5, 0)]), "escape_whitespaces");
        byte[] bare = TokenizerFiles.Model(TokenizerFiles.FewPieces, normalizer: [.. TokenizerFiles.Field(3, 0), .. TokenizerFiles.Field(4, 0)]);
        Assert.Equal([6], Load(bare).Encode("ab"));
    }

    [Theory]
    [InlineData("""{"type": "Split", "pattern": {"Regex": "\\w+"}, "behavior": "Isolated", "invert": false}""", "'\\w+'")]
    [InlineData("""{"type": "Whitespace"}""", "'Whitespace'")]
    [InlineData("""{"type": "Digits", "individual_digits": false}""", "individual_digits")]
    public void OtherPatternsAreRefusedByName(string step, string named) =>
        Refused(Encoding.UTF8.GetBytes(TokenizerFiles.ByteLevelJson(["a b"], TokenizerFiles.Sequence(step, TokenizerFiles.Bytes))), named);

    [Theory]
    [InlineData("\"BPE\"", "\"Unigram\"", "'Unigram'")]
    [InlineData("\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}", "'NFC'")]
    [InlineData("\"add_prefix_space\": false", "\"add_prefix_space\": true", "add_prefix_space")]
    [InlineData("\"ignore_merges\"", "\"dropout\": 0.1, \"ignore_merges\"", "dropout")]
    [InlineData("\"ignore_merges\"", "\"end_of_word_suffix\": \"</w>\", \"ignore_merges\"", "'</w>'")]
    [InlineData("\"special\": true", "\"special\": true, \"lstrip\": true", "lstrip")]
    [InlineData("\"a b\"", "\"a b\", \"a x\"", "merge 1")]
    public void WhatWouldEncodeOtherwiseIsRefused(string text, string other, string named)
    {
        string json = TokenizerFiles.ByteLevelJson(["a b"], added: TokenizerFiles.AddedToken(257, "<s>", true));
        Assert.Contains(text, json);
        Refused(Encoding.UTF8.GetBytes(json.Replace(text, other)), named);
    }

    [Fact]
    public void DamagedFilesAreRefused()
    {
        Refused([], "begins like none");
        Refused("hello"u8.ToArray(), "begins like none");
        Refused("YQ== 0\nYg== 0\n"u8.ToArray(), "line 2");
        Refused("YQ== 0\nYg==\n"u8.ToArray(), "line 2");
        Refused("YQ== 0\n"u8.ToArray(), "every byte");
        Refused("YQ== 99999999999\n"u8.ToArray(), "line 1");
        byte[] model = TokenizerFiles.Model(TokenizerFiles.FewPieces), bin = TokenizerFiles.Llama2c("a");
        Refused(model[..^1], "protobuf");
        Refused([.. model, 0xFF, 0xFF], "protobuf");
        Refused([.. model, 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], "protobuf");
        Refused(bin[..^1], "piece 259");
        Refused(bin[..99], "ends too early");
    }

    private Tokenizer Load(byte[] content) => TokenizerFile.Load(_folder.File("some.file", content));

    private void Refused(byte[] content, params string[] naming) => ErrorLine.Of(() => Load(content), [_folder.File("some.file"), .. naming]);
}
