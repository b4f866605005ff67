using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Llama.Tokenizers;
using MoKA.Native.Tests.Reference;

namespace MoKA.Native.Tests.Llama.Checkpoints.Export;

/// <summary>
/// A GGUF file in every type that is written, loaded again, beside the model of floats that the types' definitions make of the
/// weights. Rows have lengths that are multiples of 32 and of nothing larger.
/// </summary>
public sealed class GgufStorageTests : IDisposable
{
    private static readonly LlamaConfig Odd = TinyLlama.Config with
    {
        VocabularySize = TokenizerFixtures.Small.VocabularySize, HiddenSize = 96, IntermediateSize = 160, Heads = 14, KeyValueHeads = 2, HeadDim = 16, AttentionBias = true, MlpBias = true,
    };

    private static readonly WeightStorage[] Storages = [WeightStorage.F32, WeightStorage.F16, WeightStorage.BF16, WeightStorage.Q8_0, WeightStorage.Q4_0];

    private readonly TempFolder _folder = new();

    public static TheoryData<WeightStorage, bool, bool> Cases
    {
        get
        {
            TheoryData<WeightStorage, bool, bool> cases = [];
            foreach (WeightStorage storage in Storages)
                foreach (bool merged in (bool[])[false, true])
                    foreach (bool tied in (bool[])[false, true]) cases.Add(storage, merged, tied);
            return cases;
        }
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Logits_are_those_of_the_rounded_weights_to_the_bit(WeightStorage storage, bool merged, bool tied)
    {
        LlamaModel model = Opened(Odd with { TieEmbeddings = tied }, out ModelSource source);
        if (merged) TinyLlama.Adapt(model, "q,k,o,down").Attach();
        new GgufExport(source, model, storage).Write(_folder.File("m.gguf"));
        LlamaModel back = ModelSource.Open(_folder.File("m.gguf")).LoadModel();
        WeightStorage tables = storage.IsFloat() ? storage : WeightStorage.Q8_0;
        LlamaModel expected = new(model.Config, new TurnedWeights(model, (kind, weights, outputs, inputs) =>
            new Linear(Draw.Parameter(new Shape(outputs, inputs), Rounding.Of(kind is "embedding" or "head" ? tables : storage, weights)))));
        float[] exact = Logits(model), rounded = Logits(expected);
        Bits.Equal(rounded, Logits(back), $"{storage}");
        // The rounding is there, and it is small.
        double share = Norms.Distance(exact, rounded) / Norms.Of(exact);
        (double least, double most) = storage switch { WeightStorage.F32 => (0, 1e-5), WeightStorage.F16 => (1e-6, 1e-2), WeightStorage.BF16 or WeightStorage.Q8_0 => (1e-4, 0.1), _ => (1e-3, 1.0) };
        Assert.InRange(share, least, most);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Matrices_have_the_type_and_lists_are_floats(WeightStorage storage, bool merged, bool tied)
    {
        LlamaModel model = Opened(Odd with { TieEmbeddings = tied }, out ModelSource source);
        if (merged) TinyLlama.Adapt(model, "v,gate").Attach();
        new GgufExport(source, model, storage).Write(_folder.File("m.gguf"));
        using GgufFile file = new(_folder.File("m.gguf"));
        Assert.Equal(1 + 1 + (tied ? 0 : 1) + Odd.Layers * (2 + 7 + 7), file.Tensors.Count);
        foreach ((string name, GgufTensor tensor) in file.Tensors)
        {
            bool table = name is "token_embd.weight" or "output.weight";
            GgmlType expected = tensor.Shape.Length == 1 ? GgmlType.F32 : Enum.Parse<GgmlType>((table && !storage.IsFloat() ? WeightStorage.Q8_0 : storage).ToString());
            Assert.Equal((name, expected), (name, tensor.Type));
            Assert.Equal(name.EndsWith("norm.weight", StringComparison.Ordinal) || name.EndsWith(".bias", StringComparison.Ordinal), tensor.Shape.Length == 1);
        }
    }

    [Theory]
    [InlineData("hidden_size", 48, 160, 14)]
    [InlineData("intermediate_size", 96, 176, 14)]
    [InlineData("num_attention_heads * head_dim", 96, 160, 3)]
    public void Rows_that_are_no_whole_blocks_are_refused_in_blocks_alone(string length, int hidden, int intermediate, int heads)
    {
        LlamaModel model = Opened(Odd with { HiddenSize = hidden, IntermediateSize = intermediate, Heads = heads, KeyValueHeads = 1 }, out ModelSource source);
        foreach (WeightStorage storage in Storages)
        {
            void Export() => new GgufExport(source, model, storage).Write(_folder.File("m.gguf"));
            if (storage.IsFloat()) Export();
            else ErrorLine.Of(Export, length, "multiple of 32", storage.ToString(), "F16");
        }
    }

    private LlamaModel Opened(LlamaConfig config, out ModelSource source)
    {
        LlamaFolder.Save(_folder.File("base"), TinyLlama.Create(config), TokenizerFixtures.Small, WeightStorage.F32, WeightStorage.F32);
        source = ModelSource.Open(_folder.File("base"));
        return source.LoadModel();
    }

    private static float[] Logits(LlamaModel model)
    {
        int[] tokens = [1, 5, 9, 0, 22, 3, 3, 200];
        using Tape tape = new(Cpus.Widest, gradients: false);
        return model.Logits(tape, tokens, new Sequences(new[] { 0, tokens.Length })).Data.ToArray();
    }
}
