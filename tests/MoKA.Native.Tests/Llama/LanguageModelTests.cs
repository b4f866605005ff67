using System.Text;
using MoKA.Native.Adapters;
using MoKA.Native.Llama;
using MoKA.Native.Llama.Checkpoints;
using MoKA.Native.Llama.Generation;
using MoKA.Native.Llama.Training;
using MoKA.Native.Tests.Llama.Tokenizers;
using MoKA.Native.Tests.Llama.Training;
using MoKA.Native.Quantization;

namespace MoKA.Native.Tests.Llama;

/// <summary>The facade: tune, save, load and ask, and the base comes back.</summary>
public sealed class LanguageModelTests : IDisposable
{
    private const string Prompt = "Lily saw";
    private static readonly GenerationOptions Options = new() { MaxTokens = 12 };
    private readonly TempFolder _folder = new();

    public LanguageModelTests() => LlamaFolder.Save(_folder.File("base"), TinyLlama.Create(ToyTasks.Config, int4: true), TokenizerFixtures.Small, WeightStorage.Q4_0, WeightStorage.F16);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_trained_is_what_another_process_loads()
    {
        LanguageModel model = Load();
        string before = model.Generate(Prompt, Options);
        model.AttachNew(new MokaOptions { Filters = 2 }, AdapterTargets.Parse("q,v"), seed: 3);
        Assert.Equal(before, model.Generate(Prompt, Options));
        using (Trainer trainer = model.Trainer(ToyTasks.FineTuning().Data, ToyTasks.Options(steps: 20))) trainer.Run();
        string after = model.Generate(Prompt, Options);
        Assert.NotEqual(before, after);
        Assert.Equal(after, string.Concat(model.Stream(Prompt, Options)));
        model.SaveAdapter(_folder.File("adapter"));
        model.DetachAdapter();
        Assert.Null(model.Adapters);
        Assert.Equal(before, model.Generate(Prompt, Options));

        LanguageModel other = Load();
        other.LoadAdapter(_folder.File("adapter"));
        Assert.Equal(after, other.Generate(Prompt, Options));
        other.AttachNew(new MokaOptions(), AdapterTargets.Parse("all"), seed: 1);
        Assert.Equal(before, other.Generate(Prompt, Options));
    }

    [Fact]
    public void Several_adapters_stand_on_one_base_and_are_weighted_as_it_speaks()
    {
        LanguageModel model = Load();
        string before = model.Generate(Prompt, Options);
        foreach (string name in new[] { "first", "second" })
        {
            model.AttachNew(name == "first" ? new MokaOptions() : new LoraOptions { Rank = 4 }, AdapterTargets.Parse("all"), seed: 1);
            using (Trainer trainer = model.Trainer(ToyTasks.FineTuning().Data, ToyTasks.Options(steps: 20))) trainer.Run();
            model.SaveAdapter(_folder.File(name));
        }
        string second = model.Generate(Prompt, Options);
        AdapterStack stack = model.LoadAdapters((_folder.File("first"), 0), (_folder.File("second"), 1));
        Assert.Equal(second, model.Generate(Prompt, Options));
        stack.SetWeight(1, 0);
        Assert.Equal(before, model.Generate(Prompt, Options));
        stack.SetWeight(0, 0.5f);
        stack.SetWeight(1, 0.5f);
        Assert.NotEqual("", model.Generate(Prompt, Options));
        model.DetachAdapter();
        Assert.Equal(before, model.Generate(Prompt, Options));
    }

    [Fact]
    public void A_description_names_the_base_without_its_place()
    {
        LanguageModel model = Load();
        model.AttachNew(new MokaOptions(), AdapterTargets.Parse("q"), seed: 3);
        model.SaveAdapter(_folder.File("adapter"));
        string json = File.ReadAllText(Path.Combine(_folder.File("adapter"), AdapterFolder.ConfigFile), Encoding.UTF8);
        Assert.Contains("\"base\"", json, StringComparison.Ordinal);
        Assert.DoesNotContain(_folder.Path, json, StringComparison.Ordinal);
        Assert.Contains(model.Hash, json, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_of_the_base_in_other_bits_is_taken_when_asked_and_trained_further()
    {
        LlamaFolder.Save(_folder.File("floats"), TinyLlama.Create(ToyTasks.Config, int4: true), TokenizerFixtures.Small, WeightStorage.F32, WeightStorage.F32);
        LanguageModel floats = LanguageModel.Load(_folder.File("floats"), Cpus.Widest), model = Load();
        floats.AttachNew(new MokaOptions { Filters = 2 }, AdapterTargets.Parse("q,v"), seed: 3);
        using (Trainer trainer = floats.Trainer(ToyTasks.FineTuning().Data, ToyTasks.Options(steps: 5))) trainer.Run();
        floats.SaveAdapter(_folder.File("adapter"));
        string folder = _folder.File("adapter"), further = _folder.File("further");
        ErrorLine.Of(() => model.LoadAdapter(folder), "another model", "any base");
        ErrorLine.Of(() => model.LoadAdapters((folder, 1)), "another model");
        model.LoadAdapters(anyBase: true, (folder, 1));
        AdapterSet loaded = model.LoadAdapter(folder, anyBase: true);
        Assert.Equal(floats.Adapters!.Parameters.SelectMany(p => p.Data.ToArray()), loaded.Parameters.SelectMany(p => p.Data.ToArray()));
        model.SaveAdapter(further);
        Assert.Equal(floats.Hash, AdapterFolder.ReadOrigin(further).BaseHash);
        TrainFurther(model, further, baseModel: "base");
    }

    [Theory]
    [MemberData(nameof(OfSomeBase))]
    public void An_adapter_that_names_no_base_belongs_to_the_one_it_is_trained_on(AdapterOptions options)
    {
        LanguageModel model = Load();
        string folder = _folder.File("adapter"), further = _folder.File("further");
        AdapterFolder.Save(folder, model.Model, new AdapterSet(model.Model.Projections, AdapterTargets.Parse("q,v"), options, seed: 3), new AdapterOrigin("theirs", null));
        model.LoadAdapter(folder);
        model.SaveAdapter(further);
        foreach (string file in new[] { AdapterFolder.ConfigFile, AdapterFolder.WeightsFile })
            Assert.Equal(File.ReadAllBytes(Path.Combine(folder, file)), File.ReadAllBytes(Path.Combine(further, file)));
        TrainFurther(model, further, baseModel: "theirs");
    }

    public static TheoryData<AdapterOptions> OfSomeBase => [new LoraOptions { Rank = 2 }, new MokaOptions { Filters = 2 }];

    [Fact]
    public void Without_an_adapter_there_is_nothing_to_save_or_train()
    {
        LanguageModel model = Load();
        ErrorLine.Of(() => model.SaveAdapter(_folder.File("adapter")), "no adapter");
        ErrorLine.Of(() => model.Trainer(ToyTasks.FineTuning().Data, ToyTasks.Options(steps: 1)), "trainable");
        model.DetachAdapter();
    }

    /// <summary>Trains the adapter on the model, saves it, and finds the model's hash and the same text in what was saved.</summary>
    private static void TrainFurther(LanguageModel model, string folder, string baseModel)
    {
        using (Trainer trainer = model.Trainer(ToyTasks.FineTuning().Data, ToyTasks.Options(steps: 5))) trainer.Run();
        model.SaveAdapter(folder);
        Assert.Equal(new AdapterOrigin(baseModel, model.Hash), AdapterFolder.ReadOrigin(folder));
        string trained = model.Generate(Prompt, Options);
        model.LoadAdapter(folder);
        Assert.Equal(trained, model.Generate(Prompt, Options));
    }

    private LanguageModel Load() => LanguageModel.Load(_folder.File("base"), Cpus.Widest);
}
