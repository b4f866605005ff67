using System.Globalization;
using System.Text.Json;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

/// <summary>Ids that other programs gave for the same vocabularies, from every kind of file.</summary>
public class TokenizerReferenceTests
{
    [SkippableTheory]
    [InlineData("llama2_tokenizer.model", "llama2_vectors.json", 32_000, 1, 2)]
    [InlineData("llama2_tokenizer.json", "llama2_vectors.json", 32_000, 1, 2)]
    [InlineData("llama3_tokenizer.model", "llama3_vectors.json", 128_256, 128_000, 128_001)]
    [InlineData("llama3.1_tokenizer.json", "llama3_vectors.json", 128_256, 128_000, 128_001)]
    public void TextsHaveTheReferenceIds(string file, string vectors, int vocabulary, int bos, int eos)
    {
        Tokenizer tokenizer = Load(file);
        Assert.Equal((vocabulary, bos, eos), (tokenizer.VocabularySize, tokenizer.BosId, tokenizer.EosId));
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Require("tokenizers/vectors/" + vectors)));
        Assert.True(document.RootElement.GetArrayLength() > 100);
        foreach (JsonElement vector in document.RootElement.EnumerateArray())
        {
            string text = vector.GetProperty("text").GetString()!;
            Assert.Equal(Ids(vector.GetProperty("ids")), tokenizer.Encode(text));
            Assert.Equal(tokenizer is SentencePieceTokenizer ? text.Replace('▁', ' ') : text, tokenizer.Decode(tokenizer.Encode(text)));
        }
    }

    [SkippableTheory]
    [InlineData("llama2_tokenizer.model", "ggml-vocab-llama-spm.gguf.inp")]
    [InlineData("llama2_tokenizer.json", "ggml-vocab-llama-spm.gguf.inp")]
    [InlineData("llama3_tokenizer.model", "ggml-vocab-llama-bpe.gguf.inp")]
    [InlineData("llama3.1_tokenizer.json", "ggml-vocab-llama-bpe.gguf.inp")]
    public void HardCasesHaveTheReferenceIds(string file, string cases)
    {
        Tokenizer tokenizer = Load(file);
        string vectors = Fixtures.Require("tokenizers/vectors/" + cases);
        string[] texts = File.ReadAllText(vectors).Split("\n__ggml_vocab_test__\n");
        string[] lines = File.ReadAllLines(Path.ChangeExtension(vectors, ".out"));
        Assert.True(lines.Length >= 46);
        for (int i = 0; i < lines.Length; i++)
        {
            IEnumerable<int> expected = lines[i].Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(id => int.Parse(id, CultureInfo.InvariantCulture));
            Assert.Equal(expected, tokenizer.Encode(texts[i]));
        }
    }

    [SkippableFact]
    public void Stories260KPromptHasTheReferenceIds()
    {
        Tokenizer tokenizer = TokenizerFile.Load(Fixtures.Require("models/llama2c/tok512.bin"), 512);
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Require("ref/stories260K.ref.json")));
        int[] expected = Ids(reference.RootElement.GetProperty("prompt_ids"));
        string text = reference.RootElement.GetProperty("prompt_text").GetString()!;
        Assert.Equal(expected, tokenizer.Encode(text, addBos: true).Take(expected.Length));
        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text, addBos: true)));
    }

    [SkippableTheory]
    [InlineData("tok512.bin", "stories260K.greedy.txt", 512)]
    [InlineData("tok361.bin", "babyllama_tok361.greedy.txt", 361)]
    public void WhatLlama2cPrintsIsSpeltWithoutBytes(string file, string text, int vocabulary)
    {
        Tokenizer tokenizer = TokenizerFile.Load(Fixtures.Require("models/llama2c/" + file), vocabulary);
        string story = File.ReadAllText(Fixtures.Require("models/llama2c/" + text)).ReplaceLineEndings("\n").TrimEnd('\n');
        int[] ids = tokenizer.Encode(story);
        Assert.Equal(story, tokenizer.Decode(ids));
        Assert.True(ids.Length <= story.Length + 1);
        Assert.All(ids.Where(id => id != 3 + '\n'), id => Assert.True(id >= 259));
    }

    [SkippableFact]
    public void TheTwoFilesOfATokenizerEncodeAlike()
    {
        string text = File.ReadAllText(Fixtures.Require("data/text/tinystories_2MB.txt"))[..300_000];
        Assert.Equal(Load("llama2_tokenizer.model").Encode(text), Load("llama2_tokenizer.json").Encode(text));
        Assert.Equal(Load("llama3_tokenizer.model").Encode(text), Load("llama3.1_tokenizer.json").Encode(text));
        for (int seed = 0; seed < 300; seed++)
        {
            string runs = RandomTexts.Runs(seed);
            Assert.Equal(Load("llama2_tokenizer.model").Encode(runs), Load("llama2_tokenizer.json").Encode(runs));
            Assert.Equal(Load("llama3_tokenizer.model").Encode(runs), Load("llama3.1_tokenizer.json").Encode(runs));
        }
    }

    [SkippableFact]
    public void ArraysMakeTheSameTokenizersAsFiles()
    {
        SentencePieceTokenizer llama2 = (SentencePieceTokenizer)Load("llama2_tokenizer.model");
        int[] ids = [.. Enumerable.Range(0, llama2.VocabularySize)];
        Alike(llama2, SentencePieceTokenizer.Create([.. ids.Select(llama2.Piece)], [.. ids.Select(llama2.Score)], [.. ids.Select(id => (int)llama2.Vocabulary.Type(id))], 1, 2, 0));

        ByteLevelTokenizer llama3 = (ByteLevelTokenizer)Load("llama3.1_tokenizer.json");
        ids = [.. Enumerable.Range(0, llama3.VocabularySize)];
        string[] merges = [.. llama3.Merges.InOrder().Select(merge => $"{llama3.Piece(merge.Left)} {llama3.Piece(merge.Right)}")];
        Alike(llama3, ByteLevelTokenizer.Create([.. ids.Select(llama3.Piece)], [.. ids.Select(id => (int)llama3.Vocabulary.Type(id))], merges, "llama-bpe", 128_000, 128_001));
    }

    private static void Alike(Tokenizer one, Tokenizer other)
    {
        Assert.Equal((one.BosId, one.EosId), (other.BosId, other.EosId));
        for (int seed = 0; seed < 300; seed++)
        {
            string text = RandomTexts.Mixed(seed) + "</s><|eot_id|>" + RandomTexts.Runs(seed);
            Assert.Equal(one.Encode(text, addBos: true, parseSpecial: true), other.Encode(text, addBos: true, parseSpecial: true));
        }
    }

    private static Tokenizer Load(string file) => LargeTokenizers.Load(file);

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
