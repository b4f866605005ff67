using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Evaluation;
using MoKA.Native.Llama.Tokenizers;
using StoryWorld;

namespace MoKA.Native.Tests.Llama;

/// <summary>The figures that data/README.md states of the bundled base and of its peers, on the text that it was not trained on.</summary>
public sealed class BundledBaseTests
{
    private const int Window = 256;

    [SkippableTheory]
    [InlineData("bundled", 0.7440)]
    [InlineData("stories260K", 0.7333)]
    [InlineData("babyllama_tok361", 0.8185)]
    public void Held_out_loss_in_nats_a_byte(string name, double stated)
    {
        string cased = File.ReadAllText(Fixtures.Require("data/text/tinystories_2MB.txt"));
        List<string> heldOut = Corpus.Build(cased, "").HeldOut;
        using Cpu cpu = new(2);
        (LlamaModel model, Tokenizer tokenizer) = name switch
        {
            "bundled" => Bundled(),
            "stories260K" => Fixture(name, "tok512.bin"),
            _ => Fixture(name, "tok361.bin"),
        };
        TextLoss loss = TextEvaluator.Evaluate(model, tokenizer, heldOut, Window, cpu);
        Assert.Equal(stated, loss.NatsPerByte, 0.0006);
    }

    private static (LlamaModel, Tokenizer) Bundled()
    {
        LanguageModel bundled = LanguageModel.Load(SourceTree.PathOf("data/base"), new Cpu(1));
        return (bundled.Model, bundled.Tokenizer);
    }

    private static (LlamaModel, Tokenizer) Fixture(string model, string tokenizer) =>
        (LlamaFolder.LoadModel(Fixtures.Require($"models/hf/{model}")), TokenizerFile.Load(Fixtures.Require($"models/llama2c/{tokenizer}")));
}
