using MoKA.Native.Adapters;
using MoKA.Native.Checkpoints;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Checkpoints.Export;
using MoKA.Native.Nn;
using MoKA.Native.Quantization;
using MoKA.Native.Tests.Golden;
using MoKA.Native.Tests.Llama.Tokenizers;

namespace MoKA.Native.Tests.Llama.Checkpoints.Export;

/// <summary>Base and adapter as one folder: the merged weights, in the storage that was asked for, and nothing lost beside them.</summary>
public sealed class ModelMergerTests : IDisposable
{
    private static readonly LlamaConfig Config = TinyLlama.Extended with { VocabularySize = TokenizerFixtures.Small.VocabularySize };
    private readonly TempFolder _folder = new();

    private string Base => _folder.File("base");

    private string Output => _folder.File("merged");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("lora")]
    [InlineData("dora")]
    [InlineData("lokr")]
    [InlineData("krona")]
    [InlineData("moka-s")]
    public void A_merged_golden_gives_PyTorchs_logits_without_the_adapter(string name)
    {
        using GoldenAdapter golden = new();
        golden.Load(name).Adapters.Attach();
        new ModelMerger(ModelSource.Open(golden.Base), golden.Model, WeightStorage.F32).Write(golden.File("merged"));
        LlamaModel merged = LlamaFolder.LoadModel(golden.File("merged"));
        Assert.InRange(GoldenAdapter.Distance(name, golden.Logits(merged)), 0, 2e-4f);
        Assert.True(MergeCheck.Compare(Cpus.Widest, golden.Model, merged, golden.Tokens, WeightStorage.F32).Holds);
        foreach ((Projection expected, Projection actual) in golden.Model.Projections.Zip(merged.Projections)) Bits.Equal(Dense(expected), Dense(actual), expected.Name);
    }

    [Theory]
    [MemberData(nameof(GoldenFamily.Names), MemberType = typeof(GoldenFamily))]
    public void Every_generation_gives_PyTorchs_logits_and_text_from_its_folder_again(string name)
    {
        using GoldenFamily golden = new(name);
        golden.Publish(Base);
        ModelSource source = ModelSource.Open(Base);
        new ModelMerger(source, source.LoadModel(), WeightStorage.F32).Write(Output);
        golden.AssertComputedBy(LlamaFolder.LoadModel(Output));
        Assert.Equal(source.Config with { EosTokenIds = default }, LlamaFolder.LoadConfig(Output) with { EosTokenIds = default });
    }

    [Theory]
    [InlineData(WeightStorage.F32)]
    [InlineData(WeightStorage.F16)]
    [InlineData(WeightStorage.BF16)]
    [InlineData(WeightStorage.Q4_0)]
    [InlineData(WeightStorage.NF4Double)]
    public void Each_storage_holds_what_it_makes_of_the_merged_weights(WeightStorage storage)
    {
        (ModelSource source, LlamaModel model) = Adapted(WeightStorage.F32);
        List<QuantizedTensor> seen = [];
        new ModelMerger(source, model, storage).Write(Output, seen.Add);
        LlamaModel merged = LlamaFolder.LoadModel(Output);
        Assert.Equal(storage, merged.Config.LinearStorage);
        foreach ((Projection before, Projection after) in model.Projections.Zip(merged.Projections))
        {
            if (storage == WeightStorage.F32) Bits.Equal(Dense(before), Dense(after), before.Name);
            else
            {
                using FrozenMatrix expected = storage.Quantize(Dense(before), before.Out, before.In);
                Bits.Equal(Dense(new FrozenLinear(expected)), Dense(after), before.Name);
            }
        }
        Assert.Equal(storage == WeightStorage.F32 ? 0 : 7 * Config.Layers, seen.Count);
        MergeDifference difference = MergeCheck.Compare(Cpus.Widest, model, merged, new[] { 1, 5, 9, 300, 22 }, storage);
        Assert.True(difference.Holds, $"{storage}: {difference.Relative:E2} of {difference.Bound:E2}");
        Assert.Equal(5, difference.Tokens);
        if (storage != WeightStorage.F32) Assert.True(difference.Largest > 0 && difference.Mean > 0 && difference.Mean < difference.Largest);
        // Codes of four bits do not pass for floats.
        if (!storage.IsFloat()) Assert.False(MergeCheck.Compare(Cpus.Widest, model, merged, new[] { 1, 5, 9 }, WeightStorage.F16).Holds);
    }

    [Theory]
    [InlineData(WeightStorage.NF4)]
    [InlineData(WeightStorage.Q4_0)]
    public void A_base_in_four_bits_becomes_floats_and_loses_nothing_of_the_adapter(WeightStorage four)
    {
        (ModelSource source, LlamaModel model) = Adapted(four);
        Assert.Equal(WeightStorage.F32, ModelMerger.FloatsOf(source));
        new ModelMerger(source, model, ModelMerger.FloatsOf(source)).Write(Output);
        LlamaModel merged = LlamaFolder.LoadModel(Output);
        foreach ((Projection before, Projection after) in model.Projections.Zip(merged.Projections)) Bits.Equal(Dense(before), Dense(after), before.Name);
        Assert.True(MergeCheck.Compare(Cpus.Widest, model, merged, new[] { 1, 5, 9 }, WeightStorage.F32).Holds);
    }

    [Fact]
    public void A_model_that_was_merged_wrongly_does_not_hold()
    {
        (ModelSource _, LlamaModel model) = Adapted(WeightStorage.F32);
        LlamaModel plain = LlamaFolder.LoadModel(Base);
        foreach (WeightStorage storage in (WeightStorage[])[WeightStorage.F32, WeightStorage.F16, WeightStorage.BF16]) Assert.False(MergeCheck.Compare(Cpus.Widest, model, plain, new[] { 1, 5, 9 }, storage).Holds);
        Assert.Equal(0, MergeCheck.Compare(Cpus.Widest, plain, plain, new[] { 1, 5, 9 }, WeightStorage.F32).Largest);
        Assert.False(new MergeDifference(1, double.NaN, 0, 1, 1).Holds);
        ErrorLine.Of(() => MergeCheck.Compare(Cpus.Widest, plain, plain, Array.Empty<int>(), WeightStorage.F32), "at least one token");
        ErrorLine.Of(() => MergeCheck.Compare(Cpus.Widest, plain, TinyLlama.Create(TinyLlama.Config), new[] { 1 }, WeightStorage.F32), "same ids");
    }

    [Fact]
    public void The_base_s_own_files_come_along_and_it_stays_as_it_was()
    {
        (ModelSource source, LlamaModel model) = Adapted(WeightStorage.F32);
        File.WriteAllText(Path.Combine(Base, "special_tokens_map.json"), "{}");
        File.WriteAllText(Path.Combine(Base, "chat_template.jinja"), "{{ messages }}");
        byte[] before = File.ReadAllBytes(Path.Combine(Base, LlamaFolder.WeightsFile));
        new ModelMerger(source, model, WeightStorage.F16).Write(Output);
        foreach (string name in (string[])["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"])
            Assert.Equal(File.ReadAllBytes(Path.Combine(Base, name)), File.ReadAllBytes(Path.Combine(Output, name)));
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(Base, LlamaFolder.WeightsFile)));
        foreach (string bad in (string[])[Base, Base + "/", Path.Combine(Base, "inside"), _folder.Path])
            ErrorLine.Of(() => new ModelMerger(source, model, WeightStorage.F16).Write(bad), "apart");
    }

    [Fact]
    public void What_a_folder_cannot_hold_is_refused_before_anything_is_written()
    {
        LlamaModel listed = TinyLlama.Create(TinyLlama.Extended with { RopeScaling = new ListedRopeScaling([1, 1, 1, 2, 3, 4, 5, 6.5f]) });
        (ModelSource source, _) = Adapted(WeightStorage.F32);
        ErrorLine.Of(() => new ModelMerger(source, listed, WeightStorage.F32), "listed", "GGUF");
        ErrorLine.Of(() => new ModelMerger(source, TinyLlama.Create(TinyLlama.Config with { IntermediateSize = 40 }), WeightStorage.Q8_0), "40");
        using CancellationTokenSource stop = new();
        (_, LlamaModel model) = Adapted(WeightStorage.F32);
        Assert.Throws<OperationCanceledException>(() => new ModelMerger(source, model, WeightStorage.F16).Write(Output, _ => stop.Cancel(), stop.Token));
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => new ModelMerger(source, model, WeightStorage.F32).Write(Output, cancel: stop.Token));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Output));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_folder_that_is_verified_is_the_one_that_is_written_without(bool there)
    {
        (ModelSource source, LlamaModel model) = Adapted(WeightStorage.F32);
        ModelMerger merger = new(source, model, WeightStorage.F16);
        merger.Write(_folder.File("plain"));
        if (there) Held();
        List<QuantizedTensor> seen = [];
        MergeDifference difference = merger.WriteVerified(Output, Cpus.Widest, new[] { 1, 5, 9 }, seen.Add);
        Assert.True(difference.Holds && difference.Largest > 0);
        Assert.Equal(7 * Config.Layers, seen.Count);
        string[] names = [.. Directory.GetFileSystemEntries(_folder.File("plain")).Select(f => Path.GetFileName(f))];
        Assert.Equal([.. names.Concat(there ? ["notes.txt"] : Array.Empty<string>()).Order(StringComparer.Ordinal)], Directory.GetFileSystemEntries(Output).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        foreach (string name in names) Assert.Equal(File.ReadAllBytes(Path.Combine(_folder.File("plain"), name)), File.ReadAllBytes(Path.Combine(Output, name)));
        Assert.Equal(difference, MergeCheck.Compare(Cpus.Widest, model, LlamaFolder.LoadModel(Output), new[] { 1, 5, 9 }, WeightStorage.F16));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_does_not_hold_or_is_stopped_leaves_everything_as_it_was(bool there)
    {
        (ModelSource source, LlamaModel model) = Adapted(WeightStorage.F32);
        AdapterSet another = TinyLlama.Adapt(model, "o", new MokaOptions { Filters = 3, Scale = 0.5f });
        another.Attach();
        if (there) Held();
        string output = there ? Output : Path.Combine(Output, "far", "below");
        ModelMerger merger = new(source, model, WeightStorage.BF16);
        int left = 7 * Config.Layers;
        // The model is another one when what was written is compared with it.
        MergeDifference difference = merger.WriteVerified(output, Cpus.Widest, new[] { 1, 5, 9 }, _ =>
        {
            if (--left == 0) another.Detach();
        });
        Assert.False(difference.Holds, $"{difference.Relative:E2} of {difference.Bound:E2}");
        Untouched();
        using CancellationTokenSource stop = new();
        Assert.Throws<OperationCanceledException>(() => merger.WriteVerified(output, Cpus.Widest, new[] { 1, 5, 9 }, _ => stop.Cancel(), stop.Token));
        Untouched();
        ErrorLine.Of(() => merger.WriteVerified(output, Cpus.Widest, Array.Empty<int>()), "at least one token");
        Untouched();
        File.WriteAllText(_folder.File("file"), "");
        ErrorLine.Of(() => merger.WriteVerified(Path.Combine(_folder.File("file"), "below"), Cpus.Widest, new[] { 1 }), "below: the folder cannot be made");
        ErrorLine.Of(() => merger.WriteVerified(Path.Combine(Base, "inside"), Cpus.Widest, new[] { 1 }), "apart");
        Assert.False(Directory.Exists(Path.Combine(Base, "inside")));

        void Untouched()
        {
            if (!there) Assert.False(Directory.Exists(Output));
            else Assert.Equal(["config.json held", "notes.txt held"], Directory.GetFileSystemEntries(Output).Order(StringComparer.Ordinal).Select(f => $"{Path.GetFileName(f)} {File.ReadAllText(f)}"));
        }
    }

    [SkippableFact]
    public void The_merged_file_is_closed_before_it_moves()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Mapped files are listed where Linux shows them.");
        (ModelSource source, LlamaModel model) = Adapted(WeightStorage.F32);
        new ModelMerger(source, model, WeightStorage.F32).WriteVerified(Output, Cpus.Widest, new[] { 1, 5, 9 });
        string[] Mapped() => [.. File.ReadLines("/proc/self/maps").Where(line => line.Contains(Output, StringComparison.Ordinal))];
        Assert.Empty(Mapped());
        LlamaModel open = LlamaFolder.LoadModel(Output);
        Assert.NotEmpty(Mapped());
        GC.KeepAlive(open);
    }

    private void Held()
    {
        Directory.CreateDirectory(Output);
        foreach (string name in (string[])["config.json", "notes.txt"]) File.WriteAllText(Path.Combine(Output, name), "held");
    }

    private (ModelSource Source, LlamaModel Model) Adapted(WeightStorage linears)
    {
        LlamaFolder.Save(Base, TinyLlama.Create(Config), TokenizerFixtures.Small, linears, WeightStorage.F32);
        ModelSource source = ModelSource.Open(Base);
        LlamaModel model = source.LoadModel();
        TinyLlama.Adapt(model, "q,v,up", new MokaOptions { Filters = 3, Scale = 0.5f }).Attach();
        return (source, model);
    }

    private static float[] Dense(ILinear map)
    {
        float[] weight = new float[map.Out * map.In];
        map.CopyWeight(weight);
        return weight;
    }
}
