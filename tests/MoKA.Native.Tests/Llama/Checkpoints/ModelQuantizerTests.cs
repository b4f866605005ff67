using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Checkpoints;
using MoKA.Native.Tests.Llama.Tokenizers;
using MoKA.Native.Tests.Quantization;

namespace MoKA.Native.Tests.Llama.Checkpoints;

public sealed class ModelQuantizerTests : IDisposable
{
    private static readonly LlamaConfig Config = TinyLlama.Extended with { VocabularySize = TokenizerFixtures.Small.VocabularySize };
    private readonly TempFolder _folder = new();

    public ModelQuantizerTests() => LlamaFolder.Save(Source, TinyLlama.Create(Config), TokenizerFixtures.Small, WeightStorage.F32, WeightStorage.F32);

    private string Source => _folder.File("source");

    private string Output => _folder.File("output");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Stored.Storages), MemberType = typeof(Stored))]
    public void Writes_the_bytes_that_saving_the_model_so_would_write(WeightStorage storage)
    {
        WeightStorage tables = storage.IsFloat() ? storage : WeightStorage.BF16;
        List<QuantizedTensor> seen = [];
        new ModelQuantizer(ModelSource.Open(Source), storage, tables).Write(Output, seen.Add);
        LlamaFolder.Save(_folder.File("saved"), LlamaFolder.LoadModel(Source), TokenizerFixtures.Small, storage, tables);
        foreach (string name in (string[])[LlamaFolder.WeightsFile, LlamaFolder.ConfigFile])
            Assert.Equal(File.ReadAllBytes(Path.Combine(_folder.File("saved"), name)), File.ReadAllBytes(Path.Combine(Output, name)));

        LlamaModel source = LlamaFolder.LoadModel(Source), quantized = LlamaFolder.LoadModel(Output);
        Assert.Equal(source.Projections.Count, seen.Count);
        foreach (QuantizedTensor tensor in seen)
        {
            int at = Enumerable.Range(0, source.Projections.Count).Single(i => tensor.Name == HuggingFaceNames.Weight(i / 7, source.Projections[i].Kind));
            float[] exact = Dense(source.Projections[at]), rounded = Dense(quantized.Projections[at]);
            double error = Math.Sqrt(exact.Zip(rounded, (a, b) => Math.Pow((double)a - b, 2)).Sum() / exact.Sum(a => (double)a * a));
            Assert.Equal(error, tensor.RelativeError, 1e-12);
            Assert.Equal(exact.Zip(rounded, (a, b) => Math.Abs((double)a - b)).Max(), tensor.LargestError);
            Assert.Equal((storage, source.Projections[at].Out, source.Projections[at].In), (tensor.Storage, tensor.Rows, tensor.Columns));
        }
    }

    [Fact]
    public void Tables_stay_as_they_are_and_a_quantised_model_can_be_quantised_again()
    {
        new ModelQuantizer(ModelSource.Open(Source), WeightStorage.Q8_0).Write(Output, _ => { });
        LlamaModel eight = LlamaFolder.LoadModel(Output);
        Assert.Equal((WeightStorage.Q8_0, WeightStorage.F32), (eight.Config.LinearStorage, eight.Config.TableStorage));
        new ModelQuantizer(ModelSource.Open(Output), WeightStorage.NF4Double, WeightStorage.F16).Write(_folder.File("four"), _ => { });
        LlamaModel four = LlamaFolder.LoadModel(_folder.File("four"));
        using FrozenMatrix expected = WeightStorage.NF4Double.Quantize(Dense(eight.Projections[3]), eight.Projections[3].Out, eight.Projections[3].In);
        Bits.Equal(Dense(new FrozenLinear(expected)), Dense(four.Projections[3]), "the weights quantised twice");
        Assert.Equal(TokenizerFixtures.Small.Encode("a ball"), LlamaFolder.LoadTokenizer(_folder.File("four"), four.Config).Encode("a ball"));
    }

    [Fact]
    public void Refuses_to_write_over_its_source() => ErrorLine.Of(() => new ModelQuantizer(ModelSource.Open(Source), WeightStorage.NF4).Write(Source + Path.DirectorySeparatorChar, _ => { }), "apart");

    [Fact]
    public void Refuses_a_model_whose_rows_are_not_whole_blocks()
    {
        LlamaFolder.Save(Source, TinyLlama.Create(Config with { IntermediateSize = 40 }), TokenizerFixtures.Small, WeightStorage.F32, WeightStorage.F32);
        ErrorLine.Of(() => new ModelQuantizer(ModelSource.Open(Source), WeightStorage.Q4_0), "intermediate_size", "40");
        new ModelQuantizer(ModelSource.Open(Source), WeightStorage.NF4).Write(Output, _ => { });
    }

    [Fact]
    public void Weights_that_do_not_fit_leave_nothing_behind()
    {
        TensorFile.Edit(Path.Combine(Source, LlamaFolder.WeightsFile), f => f.PokeFloat(f.Find("up_proj.weight"), float.NaN));
        foreach (WeightStorage storage in (WeightStorage[])[WeightStorage.Q4_0, WeightStorage.NF4])
        {
            ErrorLine.Of(() => new ModelQuantizer(ModelSource.Open(Source), storage).Write(Output, _ => { }), "up_proj", "finite");
            Assert.False(Directory.Exists(Output) && Directory.EnumerateFileSystemEntries(Output).Any());
        }
    }

    [Fact]
    public void Stopping_leaves_nothing_behind()
    {
        using CancellationTokenSource source = new();
        Assert.Throws<OperationCanceledException>(() => new ModelQuantizer(ModelSource.Open(Source), WeightStorage.Q4_0).Write(Output, _ => source.Cancel(), source.Token));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Output));
    }

    private static float[] Dense(ILinear map)
    {
        float[] weight = new float[map.Out * map.In];
        map.CopyWeight(weight);
        return weight;
    }
}
