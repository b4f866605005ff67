using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Evaluation;
using MoKA.Native.Llama.Generation;

namespace MoKA.Native.Tests.Llama;

/// <summary>Trained models that others published, run as a user would: to the last letter of the reference's text, and to llama.cpp's perplexities. Skipped where they are absent.</summary>
public sealed class PublishedRunTests
{
    private const string Stories = "llama2c/tok512.bin", Baby = "llama2c/tok361.bin";

    [SkippableTheory]
    [InlineData("llama2c/stories260K.bin", Stories)]
    [InlineData("llama2c/stories260K_v1.bin", Stories)]
    [InlineData("hf/stories260K", Stories)]
    [InlineData("hf/stories260K-sharded", Stories)]
    [InlineData("llama2c/babyllama_tok361.bin", Baby)]
    [InlineData("hf/babyllama_tok361", Baby)]
    public void The_likeliest_text_is_that_of_the_reference(string model, string tokenizer)
    {
        const int tokens = 200; // the reference's steps
        LanguageModel language = LanguageModel.Load(Fixtures.Require($"models/{model}"), Cpus.Widest, Fixtures.Require($"models/{tokenizer}"));
        string expected = File.ReadAllText(Fixtures.Require($"models/llama2c/{Name(model)}.greedy.txt"));
        Assert.Equal(expected, language.Generate("", new GenerationOptions { MaxTokens = tokens }) + "\n");
    }

    // These files hold their tokenizer, and end at 128 positions.
    [SkippableTheory]
    [InlineData("stories260K.f32")]
    [InlineData("babyllama_tok361.f32")]
    public void A_GGUF_file_needs_nothing_beside_it(string name)
    {
        LanguageModel language = LanguageModel.Load(Fixtures.Require($"models/gguf/{name}.gguf"), Cpus.Widest);
        string expected = File.ReadAllText(Fixtures.Require($"models/llama2c/{Name(name)}.greedy.txt")), text = language.Generate("", new GenerationOptions { MaxTokens = 127 });
        Assert.True(text.Length > 120);
        Assert.StartsWith(text, expected, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("stories260K.f32", 4.4231, 0.002)]
    [InlineData("stories260K.F16", 4.4229, 0.002)]
    [InlineData("stories260K.Q4_K_M", 4.5012, 0.01)]
    [InlineData("stories260K.Q6_K", 4.4264, 0.01)]
    [InlineData("babyllama_tok361.f32", 2.1708, 0.002)]
    [InlineData("babyllama_tok361.Q4_0", 2.2723, 0.01)]
    [InlineData("babyllama_tok361.Q4_1", 2.2640, 0.01)]
    [InlineData("babyllama_tok361.Q5_0", 2.1928, 0.01)]
    [InlineData("babyllama_tok361.Q8_0", 2.1714, 0.01)]
    public void The_perplexity_is_that_of_llama_cpp(string name, double expected, double tolerance)
    {
        LanguageModel language = LanguageModel.Load(Fixtures.Require($"models/gguf/{name}.gguf"), Cpus.Widest);
        string text = File.ReadAllText(Fixtures.Require("ref/ppl_tinystories_60KB.txt"));
        Assert.Equal(expected, Perplexity.Evaluate(language.Model, language.Tokenizer, text, PerplexityProtocol.LlamaCpp, context: 128, Cpus.Widest).Value, tolerance);
    }

    private static string Name(string model) => model.Contains("stories260K", StringComparison.Ordinal) ? "stories260K" : "babyllama_tok361";
}
