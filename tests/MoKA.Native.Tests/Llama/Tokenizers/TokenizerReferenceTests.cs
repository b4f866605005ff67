using System.Globalization;
using System.Text.Json;
using MoKA.Native.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Tokenizers;

/// <summary>Ids that other programs gave for the same vocabularies.</summary>
public class TokenizerReferenceTests
{
    [SkippableFact]
    public void Stories260KPromptHasTheReferenceIds()
    {
        Tokenizer tokenizer = TokenizerFixtures.ReadLlama2c(Fixtures.Require("models/llama2c/tok512.bin"));
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Require("ref/stories260K.ref.json")));
        int[] expected = Ids(reference.RootElement.GetProperty("prompt_ids"));
        string text = reference.RootElement.GetProperty("prompt_text").GetString()!;
        Assert.Equal(expected, tokenizer.Encode(text, addBos: true).Take(expected.Length));
        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text, addBos: true)));
    }

    [SkippableFact]
    public void Llama2TextsHaveTheReferenceIds()
    {
        Tokenizer tokenizer = TokenizerJson.Load(Fixtures.Require("tokenizers/llama2_tokenizer.json"));
        using JsonDocument vectors = JsonDocument.Parse(File.ReadAllBytes(Fixtures.Require("tokenizers/vectors/llama2_vectors.json")));
        foreach (JsonElement vector in vectors.RootElement.EnumerateArray())
        {
            string text = vector.GetProperty("text").GetString()!;
            Assert.Equal(Ids(vector.GetProperty("ids")), tokenizer.Encode(text));
            Assert.Equal(text.Replace('▁', ' '), tokenizer.Decode(tokenizer.Encode(text)));
        }
    }

    [SkippableFact]
    public void Llama2HardCasesHaveTheReferenceIds()
    {
        Tokenizer tokenizer = TokenizerJson.Load(Fixtures.Require("tokenizers/llama2_tokenizer.json"));
        string vectors = Fixtures.Require("tokenizers/vectors/ggml-vocab-llama-spm.gguf.inp");
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

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
