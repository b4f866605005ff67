using MoKA.Native.Llama.Evaluation;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Tests.Llama.Tokenizers;
using MoKA.Native.Tests.Llama.Training;

namespace MoKA.Native.Tests.Llama;

public class TextEvaluatorTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WithoutAnOpeningTokenTheFirstOfAPieceIsNotPredicted(bool bos)
    {
        const int window = 16;
        Tokenizer tokenizer = TokenizerFixtures.WithEnds(bos, eos: true);
        string[] documents = [TokenizerFixtures.Story, "Lily", ""];
        int[] lengths = [.. documents.Select(document => tokenizer.Encode(document).Length)];
        int pieces = lengths.Sum(length => (length + window - 1) / window);
        TextLoss loss = TextEvaluator.Evaluate(TinyLlama.Create(ToyTasks.Config, int4: false), tokenizer, documents, window, Cpus.Widest);
        Assert.Equal(lengths.Sum() - (bos ? 0 : pieces), loss.Tokens);
        Assert.True(double.IsFinite(loss.Nats) && loss.Nats > 0);
    }
}
