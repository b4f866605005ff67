using MoKA.Native.Adapters;
using MoKA.Native.Autograd;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Llama.Tokenizers;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Golden;
using MoKA.Native.Tests.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Checkpoints.Export;

/// <summary>A model written as GGUF and read again: the same weights to the bit, or what its storage makes of them, and the same logits.</summary>
public sealed class GgufExportTests : IDisposable
{
    private static readonly int[] Tokens = [1, 5, 9, 0, 22, 3, 3];
    private readonly TempFolder _folder = new();

    public static TheoryData<WeightStorage> Storages => [WeightStorage.F32, WeightStorage.F16, WeightStorage.BF16, WeightStorage.Q8_0, WeightStorage.Q4_0];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(GoldenFamily.Names), MemberType = typeof(GoldenFamily))]
    public void Every_generation_gives_PyTorchs_logits_and_text_again(string name)
    {
        using GoldenFamily golden = new(name);
        golden.Publish(_folder.File("folder"));
        ModelSource source = ModelSource.Open(_folder.File("folder")), back = ModelSource.Open(Export(source, source.LoadModel(), WeightStorage.F32));
        golden.AssertComputedBy(back.LoadModel());
        SameWeights(source.LoadModel(), back.LoadModel());
        Assert.Equal(source.Config.EosTokenIds.ToArray(), back.Config.EosTokenIds.ToArray());
        LlamaConfig expected = source.Config with { EosTokenIds = back.Config.EosTokenIds };
        if (expected.RopeScaling is Llama3RopeScaling) Assert.IsType<ListedRopeScaling>(back.Config.RopeScaling);
        else Assert.Equal(expected.RopeScaling, back.Config.RopeScaling);
        Assert.Equal(expected with { RopeScaling = null }, back.Config with { RopeScaling = null });
    }

    [Theory]
    [MemberData(nameof(GoldenFamily.Names), MemberType = typeof(GoldenFamily))]
    public void With_an_adapter_on_it_the_merged_weights_are_written(string name)
    {
        using GoldenFamily golden = new(name);
        golden.Publish(_folder.File("folder"));
        ModelSource source = ModelSource.Open(_folder.File("folder"));
        LlamaModel model = source.LoadModel();
        TinyLlama.Adapt(model).Attach();
        LlamaModel back = ModelSource.Open(Export(source, model, WeightStorage.F32)).LoadModel();
        SameWeights(model, back);
        LlamaModel merged = new(back.Config, new TurnedWeights(model, (_, weights, outputs, inputs) => new Linear(Draw.Parameter(new Shape(outputs, inputs), weights))));
        Bits.Equal(Logits(merged), Logits(back), "the logits");
        Assert.True(Norms.Distance(Logits(model), Logits(back)) <= 1e-5 * Norms.Of(Logits(model)));
    }

    [Theory]
    [MemberData(nameof(GoldenFamily.Names), MemberType = typeof(GoldenFamily))]
    public void In_half_precision_file_and_folder_hold_the_same_and_stay_near(string name)
    {
        using GoldenFamily golden = new(name);
        golden.Publish(_folder.File("folder"));
        ModelSource source = ModelSource.Open(_folder.File("folder"));
        LlamaModel model = source.LoadModel();
        TinyLlama.Adapt(model).Attach();
        foreach (WeightStorage half in (WeightStorage[])[WeightStorage.F16, WeightStorage.BF16])
        {
            LlamaModel file = ModelSource.Open(Export(source, model, half)).LoadModel();
            new ModelMerger(source, model, half).Write(_folder.File(half.ToString()));
            LlamaModel folder = LlamaFolder.LoadModel(_folder.File(half.ToString()));
            SameWeights(folder, file);
            foreach (LlamaModel back in (LlamaModel[])[file, folder])
            {
                MergeDifference difference = MergeCheck.Compare(Cpus.Widest, model, back, Tokens, half);
                Assert.True(difference.Holds && difference.Largest > 0, $"{half}: {difference.Relative:E2}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Storages))]
    public void Each_storage_holds_what_it_makes_of_the_merged_weights(WeightStorage storage)
    {
        LlamaModel model = Adapted(out ModelSource source);
        List<QuantizedTensor> seen = [];
        GgufExport export = new(source, model, storage);
        export.Write(_folder.File("m.gguf"), seen.Add);
        ModelSource read = ModelSource.Open(_folder.File("m.gguf"));
        LlamaModel back = read.LoadModel();
        WeightStorage tables = storage.IsFloat() ? storage : WeightStorage.Q8_0;
        Assert.Equal((storage, tables), (read.Config.LinearStorage, export.TableStorage));
        Assert.Equal(storage == WeightStorage.Q4_0, export.Notes.Any(n => n.Contains("Q8_0", StringComparison.Ordinal)));
        LlamaModel expected = new(back.Config, new TurnedWeights(model, (kind, weights, outputs, inputs) => Rounded(kind is "embedding" or "head" ? tables : storage, weights, outputs, inputs)));
        SameWeights(expected, back);
        Bits.Equal(Logits(expected), Logits(back), "the logits");
        Assert.Equal(storage == WeightStorage.F32 ? 0 : 7 * model.Config.Layers, seen.Count);
        Assert.All(seen, t => Assert.True(t.RelativeError > 0 && t.RelativeError < (storage == WeightStorage.Q4_0 ? 0.2 : 0.01)));
        export.Write(_folder.File("again.gguf"));
        Assert.Equal(File.ReadAllBytes(_folder.File("m.gguf")), File.ReadAllBytes(_folder.File("again.gguf")));
    }

    [Fact]
    public void Blocks_that_are_stored_so_keep_their_codes_but_for_the_adapted_ones()
    {
        LlamaConfig config = TinyLlama.Config with { VocabularySize = TokenizerFixtures.Small.VocabularySize };
        string gguf = _folder.File("q4.gguf", TinyGguf.Write(TinyLlama.Create(config, int4: true)));
        ModelSource source = ModelSource.Open(gguf);
        LlamaModel model = source.LoadModel();
        TinyLlama.Adapt(model, "o").Attach();
        List<string> seen = [];
        new GgufExport(source, model, WeightStorage.Q4_0).Write(_folder.File("again.gguf"), t => seen.Add(t.Name));
        Assert.Equal(["blk.0.attn_output.weight", "blk.1.attn_output.weight"], seen);
        using GgufFile before = new(gguf), after = new(_folder.File("again.gguf"));
        foreach (string name in before.Tensors.Keys.Where(n => n.Contains("attn_q", StringComparison.Ordinal) || n.Contains("ffn_down", StringComparison.Ordinal)))
            Assert.Equal(before.Bytes(name).ToArray(), after.Bytes(name).ToArray());
    }

    [Fact]
    public void A_GGUF_file_becomes_a_folder_and_the_folder_a_GGUF_file()
    {
        LlamaModel model = Adapted(out ModelSource source);
        string gguf = Export(source, model, WeightStorage.F16);
        ModelSource first = ModelSource.Open(gguf);
        new ModelMerger(first, first.LoadModel(), WeightStorage.F16).Write(_folder.File("folder"));
        ModelSource folder = ModelSource.Open(_folder.File("folder"));
        Bits.Equal(Logits(first.LoadModel()), Logits(folder.LoadModel()), "the folder's logits");
        string second = _folder.File("second.gguf");
        new GgufExport(folder, folder.LoadModel(), WeightStorage.F16).Write(second);
        using GgufFile a = new(gguf), b = new(second);
        Assert.All(a.Tensors.Keys, name => Assert.Equal(a.Bytes(name).ToArray(), b.Bytes(name).ToArray()));
        Assert.Equal(first.LoadTokenizer().Encode("a little ball"), ModelSource.Open(second).LoadTokenizer().Encode("a little ball"));
    }

    [Fact]
    public void What_does_not_fit_is_refused_before_anything_is_written()
    {
        LlamaModel model = TinyLlama.Create(TinyLlama.Config with { IntermediateSize = 40, VocabularySize = 400 });
        LlamaFolder.Save(_folder.File("folder"), model, TokenizerFixtures.Small, WeightStorage.F32, WeightStorage.F32);
        ModelSource source = ModelSource.Open(_folder.File("folder"));
        ErrorLine.Of(() => new GgufExport(source, source.LoadModel(), WeightStorage.Q4_0), "intermediate_size", "40", "Q4_0");
        ErrorLine.Of(() => new GgufExport(source, source.LoadModel(), WeightStorage.NF4), "NF4", "choose");
        using CancellationTokenSource stop = new();
        Assert.Throws<OperationCanceledException>(() => new GgufExport(source, source.LoadModel(), WeightStorage.F16).Write(_folder.File("no.gguf"), _ => stop.Cancel(), stop.Token));
        Assert.DoesNotContain(Directory.EnumerateFiles(_folder.Path), file => file.Contains("no.gguf", StringComparison.Ordinal) || file.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void All_ids_that_end_a_text_come_along(int ends)
    {
        LlamaConfig config = TinyLlama.Config with { VocabularySize = 400, EosTokenIds = [.. Enumerable.Range(2, ends)] };
        LlamaFolder.Save(_folder.File("folder"), TinyLlama.Create(config), TokenizerFixtures.Small, WeightStorage.F32, WeightStorage.F32);
        ModelSource source = ModelSource.Open(_folder.File("folder"));
        Assert.Equal(config.EosTokenIds.ToArray(), ModelSource.Open(Export(source, source.LoadModel(), WeightStorage.F32)).Config.EosTokenIds.ToArray());
    }

    private LlamaModel Adapted(out ModelSource source)
    {
        LlamaConfig config = TinyLlama.Extended with { VocabularySize = TokenizerFixtures.Small.VocabularySize, RopeScaling = new LinearRopeScaling(2) };
        LlamaFolder.Save(_folder.File("base"), TinyLlama.Create(config), TokenizerFixtures.Small, WeightStorage.F32, WeightStorage.F32);
        source = ModelSource.Open(_folder.File("base"));
        LlamaModel model = source.LoadModel();
        TinyLlama.Adapt(model, "q,k,down").Attach();
        return model;
    }

    private string Export(ModelSource source, LlamaModel model, WeightStorage storage)
    {
        new GgufExport(source, model, storage).Write(_folder.File("exported.gguf"));
        return _folder.File("exported.gguf");
    }

    private static ITokenTable Rounded(WeightStorage storage, float[] weights, int outputs, int inputs)
    {
        if (storage == WeightStorage.F32) return new Linear(Draw.Parameter(new Shape(outputs, inputs), weights));
        return new FrozenLinear(storage.Quantize(weights, outputs, inputs));
    }

    private static void SameWeights(LlamaModel expected, LlamaModel actual)
    {
        foreach ((Projection a, Projection b) in expected.Projections.Zip(actual.Projections))
        {
            Bits.Equal(Dense(a), Dense(b), a.Name);
            Assert.Equal(a.Bias is null, b.Bias is null);
            if (a.Bias is not null) Bits.Equal(a.Bias.Data, b.Bias!.Data, a.Name);
        }
        Bits.Equal(Dense(expected.Embedding), Dense(actual.Embedding), "the token table");
        Bits.Equal(Dense(expected.Head), Dense(actual.Head), "the head");
        for (int layer = -1; layer < expected.Config.Layers; layer++)
            foreach (string norm in (string[])["attention", "mlp"]) Bits.Equal(expected.NormOf(layer, norm).Data, actual.NormOf(layer, norm).Data, $"norm {layer}");
    }

    private static float[] Dense(ILinear map)
    {
        float[] weight = new float[map.Out * map.In];
        map.CopyWeight(weight);
        return weight;
    }

    private static float[] Logits(LlamaModel model)
    {
        using Tape tape = new(Cpus.Widest, gradients: false);
        return model.Logits(tape, Tokens, new Sequences(new[] { 0, Tokens.Length })).Data.ToArray();
    }
}
