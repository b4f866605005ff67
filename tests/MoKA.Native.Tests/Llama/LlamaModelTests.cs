using MoKA.Native.Autograd;
using MoKA.Native.Llama;
using MoKA.Native.Ops;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Llama;

/// <summary>The whole model: its logits and gradients are the textbook's, and a batch changes no bit of a sequence.</summary>
public sealed class LlamaModelTests
{
    private static readonly int[] Tokens = [1, 5, 22, 7, 1, 9, 1, 0, 13, 13, 4];
    private static readonly int[] Starts = [0, 4, 6, 11];
    private static readonly int[] Labels = [5, 22, -100, 3, 9, 2, -100, 13, 13, 4, 2];

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Every_gradient_is_that_of_the_textbook(bool tied, bool adapted)
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config with { TieEmbeddings = tied });
        AssertGradients(model, model.Parameters, adapted);
    }

    [Fact]
    public void Every_gradient_on_an_int4_base_is_that_of_the_textbook()
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config, int4: true);
        Assert.Equal(1 + 2 * 2 + 1 + 1, model.Parameters.Count);
        AssertGradients(model, model.Parameters, adapted: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_gradient_with_biases_and_scaled_positions_is_that_of_the_textbook(bool int4)
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Extended, int4);
        AssertGradients(model, model.Parameters, adapted: true);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void A_sequence_has_the_same_bits_alone_and_in_a_batch(bool int4, bool adapted)
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config, int4);
        if (adapted) TinyLlama.Adapt(model).Attach();
        foreach (Cpu cpu in Cpus.All)
        {
            float[] together = Logits(model, cpu, Tokens, Starts);
            for (int s = 0; s + 1 < Starts.Length; s++)
            {
                int[] alone = Tokens[Starts[s]..Starts[s + 1]];
                Range rows = (Starts[s] * model.Config.VocabularySize)..(Starts[s + 1] * model.Config.VocabularySize);
                Bits.Equal(together[rows], Logits(model, cpu, alone, [0, alone.Length]), $"sequence {s} on {cpu.InstructionSet}");
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Freezing_leaves_nothing_to_train(bool extended)
    {
        LlamaModel model = TinyLlama.Create(extended ? TinyLlama.Extended : TinyLlama.Config);
        Assert.Equal(model.Config.ParameterCount, model.Parameters.Sum(p => (long)p.Shape.Count));
        model.Freeze();
        Assert.DoesNotContain(model.Parameters, p => p.Trainable);
    }

    // The half-precision copies were rounded after PyTorch computed the logits.
    [SkippableTheory]
    [InlineData("stories260K", 1e-4)]
    [InlineData("stories260K-bf16", 2e-2)]
    [InlineData("babyllama_tok361", 1e-4)]
    [InlineData("babyllama_tok361-f16", 2e-3)]
    public void Published_models_give_the_logits_of_PyTorch(string folder, double tolerance) => PublishedModel.AssertLogits(folder, tolerance);

    private static void AssertGradients(LlamaModel model, IReadOnlyList<Parameter> weights, bool adapted)
    {
        Parameter[] judged = [.. weights];
        if (adapted)
        {
            MoKA.Native.Adapters.AdapterSet adapters = TinyLlama.Adapt(model);
            adapters.Attach();
            foreach (Parameter weight in weights) weight.Trainable = true;
            judged = [.. weights, .. adapters.Parameters];
        }
        using Tape tape = new(Cpus.Widest);
        Tensor logits = model.Logits(tape, Tokens, new Sequences(Starts));
        Tensor loss = Op.CrossEntropy(tape, logits, Labels);
        tape.Backward(loss);

        ExactNumbers numbers = new();
        LlamaReference reference = new(model, numbers);
        double[] expectedLogits = reference.Logits(Tokens, Starts).Data;
        Assert.True(Norms.Distance(expectedLogits, logits.Data) <= 1e-5 * Norms.Of(expectedLogits));
        double Loss() => Textbook.CrossEntropy(reference.Logits(Tokens, Starts), Labels).Data[0];
        Assert.Equal(Loss(), loss.Data[0], 1e-5);
        double[] expected = [.. judged.SelectMany(p => numbers.CentralDifferences(p, Places(p), Loss))];
        float[] actual = [.. judged.SelectMany(p => Places(p).Select(i => p.Gradient[i]))];
        double norm = Norms.Of(expected);
        Assert.True(Norms.Distance(expected, actual) <= 1e-5 * norm, $"the gradients differ by {Norms.Distance(expected, actual) / norm:E2} of their norm");
        int offset = 0;
        foreach (Parameter parameter in judged)
        {
            int count = Places(parameter).Length;
            double[] part = expected[offset..(offset + count)];
            Assert.True(Norms.Distance(part, actual.AsSpan(offset, count)) <= 1e-3 * Norms.Of(part) + 1e-7 * norm, $"{parameter}");
            offset += count;
        }
    }

    private static int[] Places(Parameter parameter) => Draw.Integers((ulong)parameter.Shape.Count, count: 4, low: 0, parameter.Shape.Count - 1);

    private static float[] Logits(LlamaModel model, Cpu cpu, int[] tokens, int[] starts)
    {
        using Tape tape = new(cpu, gradients: false);
        return model.Logits(tape, tokens, new Sequences(starts)).Data.ToArray();
    }
}
